using System.Text.Json;

namespace Crew.Audit.Alerts;

/// <summary>What an audit record means for alerts.</summary>
/// <param name="Count">How often it happened: repeated refusals are recorded as one.</param>
internal sealed record AlertSignal(AlertKind Kind, RecordFields Record, string SubjectType, string SubjectId, long Count)
{
    /// <summary>Types that count towards repeated failures.</summary>
    public static readonly IReadOnlyList<string> Failures = ["auth.login.failure", "auth.failed"];

    /// <summary>The signal in a record of a workspace's log; null where there is none. Pure.</summary>
    public static AlertSignal? Of(RecordFields record)
    {
        if (record.WorkspaceId is null)
        {
            return null;
        }

        var kind = record.EventType switch
        {
            "auth.login.failure" or "auth.failed" => AlertKind.RepeatedFailures,
            "auth.login.success" => AlertKind.UnusualPlace,
            "token.reused" => AlertKind.RefreshReuse,
            "api_key.leaked" => record.Reason switch { "key_in_browser" => AlertKind.KeyInBrowser, "key_in_url" => AlertKind.KeyInUrl, _ => AlertKind.LeakedKey },
            "sso.break_glass.used" => AlertKind.BreakGlass,
            "api_key.awoken" => AlertKind.SilentKey,
            "review.started" or "review.reminded" => AlertKind.AccessReview,
            "webhook.disabled" or "webhook.failing" => AlertKind.WebhookStopped,
            "webhook.paused" when record.Reason == "creator_gone" => AlertKind.WebhookStopped,
            _ => null,
        };
        if (kind is null)
        {
            return null;
        }

        var isActor = kind == AlertKind.UnusualPlace || kind == AlertKind.BreakGlass || record.ResourceId is null;
        return new AlertSignal(kind, record, isActor ? record.ActorType : record.ResourceType ?? "", isActor ? record.ActorId : record.ResourceId!, CountOf(record));
    }

    /// <summary>How many refusals a record stands for.</summary>
    public static long CountOf(RecordFields record)
    {
        if (record.Changes is null)
        {
            return 1;
        }

        using var changes = JsonDocument.Parse(record.Changes);
        return changes.RootElement.EnumerateArray()
            .Where(c => c.GetProperty("field").GetString() == "count" && c.GetProperty("to").ValueKind == JsonValueKind.Number)
            .Select(c => c.GetProperty("to").GetInt64()).FirstOrDefault(1);
    }
}
