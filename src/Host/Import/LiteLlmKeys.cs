using System.Globalization;
using System.Text.Json;
using Crew.Kernel;
using Crew.Keys.Contracts;
using Crew.Spend.Contracts;

namespace Crew.Host.Import;

/// <summary>
/// Reads LiteLLM's keys as its <c>GET /key/list?return_full_object=true</c> gives them. A key whose cap has no counterpart is left behind:
/// a key without its cap would be worth more than the one that it stands for.
/// </summary>
internal sealed class LiteLlmKeys(ImportPlan plan)
{
    private const int MaximumBytes = 64 * 1024 * 1024;

    private static readonly Dictionary<string, string> _reasons = new(StringComparer.Ordinal)
    {
        ["team_id"] = "teams do not come along; give the team a workspace or crew with a budget of its own",
        ["soft_budget"] = "a budget has one amount; what is spent is at /v1/gateway/usage",
        ["max_parallel_requests"] = "the limit here is one of streams (concurrent_streams); set it if it was meant for them",
        ["guardrails"] = "Crew passes content as it came",
    };

    /// <summary>What makes a key worth less, and cannot be carried: without it the new key would be worth more.</summary>
    private static readonly string[] _narrowing =
        ["model_max_budget", "budget_limits", "model_rpm_limit", "model_tpm_limit", "allowed_routes", "allowed_passthrough_routes", "allowed_vector_store_indexes"];

    /// <summary>Carried, or without a meaning here: counters, dates and names of LiteLLM's own.</summary>
    private static readonly HashSet<string> _known = new(StringComparer.Ordinal)
    {
        "token", "token_id", "key", "key_name", "key_alias", "spend", "max_budget", "budget_duration", "budget_reset_at", "models", "rpm_limit", "tpm_limit",
        "expires", "blocked", "metadata", "created_at", "created_by", "updated_at", "updated_by", "last_active", "litellm_budget_table", "budget_id",
        "model_spend", "duration", "key_type", "access_group_ids", "rotation_count", "last_rotation_at", "key_rotation_at",
    };

    /// <summary>Null, or what is wrong with the file.</summary>
    public Fault? Read(string path, DateTimeOffset now)
    {
        try
        {
            if (new FileInfo(path) is not { Exists: true, Length: <= MaximumBytes })
            {
                return Faults.Invalid("--keys", $"There is no readable file {path} of at most {MaximumBytes >> 20} MiB.");
            }

            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            var list = document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("keys", out var inner)
                ? inner : document.RootElement;
            if (list.ValueKind != JsonValueKind.Array)
            {
                return Faults.Invalid("--keys", $"{path} is no list of keys, as GET /key/list?return_full_object=true gives it.");
            }

            var index = 0;
            foreach (var key in list.EnumerateArray())
            {
                ReadKey(key, new Place("keys").At(index++), now);
            }

            return null;
        }
        catch (JsonException broken)
        {
            return Faults.Invalid("--keys", string.Create(CultureInfo.InvariantCulture, $"{path} is no valid JSON: line {broken.LineNumber + 1}."));
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            return Faults.Invalid("--keys", $"{path} cannot be read by this user.");
        }
    }

    private void ReadKey(JsonElement key, Place place, DateTimeOffset now)
    {
        if (key.ValueKind != JsonValueKind.Object)
        {
            plan.Leave(place.Text, "it holds a hash only; export the keys with return_full_object=true");
            return;
        }

        var name = Text(key, "key_alias") ?? Text(key, "key_name");
        if (name is null)
        {
            plan.Leave(place.Text, "it has neither key_alias nor key_name");
            return;
        }

        place = place.Named(name);
        var expires = Text(key, "expires") is { } end && DateTimeOffset.TryParse(end, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var moment)
            ? moment.ToUniversalTime() : (DateTimeOffset?)null;
        if ((key.TryGetProperty("blocked", out var blocked) && blocked.ValueKind == JsonValueKind.True) || expires <= now)
        {
            plan.Leave(place.Text, "it is blocked or past its end");
            return;
        }

        var models = Models(key);
        var (budget, problem) = Budget(key);
        problem ??= _narrowing.FirstOrDefault(field => Says(key, field)) is { } narrower ? $"its {narrower} has no counterpart" : null;
        if ((problem ?? (models?.Contains("all-team-models") == true ? "its models are those of its team" : null)) is { } why)
        {
            plan.Leave(place.Text, $"{why}; it would be worth more than before, so make it by hand");
            return;
        }

        plan.Keys.Add(new ImportedKey(name, models, Whole(key, "rpm_limit"), Whole(key, "tpm_limit"), expires, budget));
        foreach (var field in key.EnumerateObject().Select(f => f.Name).Where(f => !_known.Contains(f) && Says(key, f)))
        {
            plan.Leave(place.In(field).Text, _reasons.GetValueOrDefault(field, "Crew has no such setting"));
        }
    }

    /// <summary>Whether a field is there and says something.</summary>
    private static bool Says(JsonElement key, string field) => key.TryGetProperty(field, out var value)
        && value.ValueKind is not (JsonValueKind.Null or JsonValueKind.Undefined or JsonValueKind.False) && value.GetRawText() is not ("{}" or "[]" or "\"\"" or "0");

    /// <summary>An empty list is LiteLLM's word for all.</summary>
    private static List<string>? Models(JsonElement key)
    {
        var models = key.TryGetProperty("models", out var list) && list.ValueKind == JsonValueKind.Array
            ? list.EnumerateArray().Where(m => m.ValueKind == JsonValueKind.String).Select(m => m.GetString() ?? "").Where(m => m.Length > 0).ToList() : [];
        return models.Count == 0 || models.Contains("all-proxy-models") ? null : models;
    }

    private static (NewBudget? Budget, string? Problem) Budget(JsonElement key)
    {
        if (Says(key, "litellm_budget_table") && key.GetProperty("litellm_budget_table") is { ValueKind: JsonValueKind.Object } shared
            && shared.TryGetProperty("max_budget", out var inTable) && inTable.ValueKind == JsonValueKind.Number
            && !(key.TryGetProperty("max_budget", out var own) && own.ValueKind == JsonValueKind.Number))
        {
            // A budget of its own table is the key's cap, too.
            return Budget(shared);
        }

        if (!key.TryGetProperty("max_budget", out var most) || most.ValueKind != JsonValueKind.Number || !most.TryGetDecimal(out var amount))
        {
            return (null, most.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null ? null : "its max_budget is no number");
        }

        var window = Text(key, "budget_duration") switch
        {
            null => "total",
            "1d" or "24h" => "day",
            "7d" or "1w" => "week",
            "30d" or "31d" or "1mo" => "month",
            _ => null,
        };
        if (window is null)
        {
            return (null, "its budget_duration is none of a day, a week and a month");
        }

        // What was spent of a cap without end stays spent; those that begin anew begin with the next window here.
        var spent = window == "total" && key.TryGetProperty("spend", out var spend) && spend.ValueKind == JsonValueKind.Number && spend.TryGetDecimal(out var so) ? Math.Max(so, 0) : 0;
        var left = decimal.Round(Math.Max(amount - spent, 0), 9, MidpointRounding.ToZero);
        return NanoUsd.TryParse(left.ToString("0.#########", CultureInfo.InvariantCulture), out var cap)
            ? (new NewBudget(cap, window, "strict", null), null)
            : (null, "its max_budget is no amount that a budget can have");
    }

    private static string? Text(JsonElement key, string field) =>
        key.TryGetProperty(field, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text ? text : null;

    private static int? Whole(JsonElement key, string field) =>
        key.TryGetProperty(field, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number > 0 ? number : null;
}
