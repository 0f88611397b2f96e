using System.Text.Json;
using System.Text.Json.Nodes;
using Crew.Http;
using Crew.Kernel;

namespace Crew.Tenancy.Workspaces;

/// <summary>JSON merge patch (RFC 7396) over the settings, strict about unknown fields.</summary>
internal static class SettingsMerge
{
    public static Outcome<WorkspaceSettings> Apply(WorkspaceSettings settings, JsonElement patch) => Apply<WorkspaceSettings>(settings.ToJson(), patch);

    public static IEnumerable<FieldChange> Differences(WorkspaceSettings before, WorkspaceSettings after) => Differences(before.ToJson(), after.ToJson());

    /// <param name="settings">The settings as JSON.</param>
    /// <param name="patch">What the request gives of them.</param>
    public static Outcome<TSettings> Apply<TSettings>(string settings, JsonElement patch)
    {
        if (patch.ValueKind != JsonValueKind.Object)
        {
            return Faults.Invalid("settings", "settings must be an object.");
        }

        var merged = JsonNode.Parse(settings)!.AsObject();
        try
        {
            Merge(merged, patch);
            return merged.Deserialize<TSettings>(ApiJson.Options)!;
        }
        catch (InvalidOperationException)
        {
            return Faults.Invalid("settings", "A text in settings holds half of a surrogate pair. Send well-formed Unicode.");
        }
        catch (JsonException error)
        {
            var field = (error.Path ?? "$").TrimStart('$').TrimStart('.');
            return error.Message.Contains("could not be mapped", StringComparison.Ordinal)
                ? HttpFaults.UnknownField("settings." + error.Message.Split('\'')[1])
                : Faults.Invalid($"settings.{field}", $"settings.{field} has the wrong type. See /docs.");
        }
    }

    /// <summary>The fields in which two texts of settings differ.</summary>
    public static IEnumerable<FieldChange> Differences(string before, string after)
    {
        var (old, now) = (JsonNode.Parse(before)!.AsObject(), JsonNode.Parse(after)!.AsObject());
        return now.Where(field => field.Value?.ToJsonString() != old[field.Key]?.ToJsonString())
            .Select(field => new FieldChange($"settings.{field.Key}", old[field.Key]?.ToJsonString(), field.Value?.ToJsonString()));
    }

    private static void Merge(JsonObject target, JsonElement patch)
    {
        foreach (var field in patch.EnumerateObject())
        {
            if (field.Value.ValueKind == JsonValueKind.Null)
            {
                target.Remove(field.Name);
            }
            else if (field.Value.ValueKind == JsonValueKind.Object && target[field.Name] is JsonObject inner)
            {
                Merge(inner, field.Value);
            }
            else
            {
                target[field.Name] = JsonNode.Parse(field.Value.GetRawText());
            }
        }
    }
}
