using System.Globalization;
using Crew.Audit.Contracts;
using Crew.Http;
using Crew.Kernel;

namespace Crew.Audit;

/// <summary>Records as CSV.</summary>
internal static class AuditCsv
{
    private static readonly string[] Columns =
    [
        "id", "timestamp", "event_type", "actor_type", "actor_id", "actor_email", "actor_key_last4", "workspace_id", "crew_id",
        "resource_type", "resource_id", "resource_name", "changes", "outcome", "reason", "ip_address", "user_agent", "request_id", "sequence",
    ];

    public static string Header { get; } = string.Join(',', Columns.Select(Field)) + "\r\n";

    public static string Line(AuditLog record) => string.Join(',', new[]
    {
        record.Id, Timestamp.ToText(record.Timestamp), record.EventType, record.Actor.Type, record.Actor.Id, record.Actor.Email, record.Actor.KeyLast4,
        record.WorkspaceId, record.CrewId, record.Resource?.Type, record.Resource?.Id, record.Resource?.Name, record.Changes.GetRawText(),
        record.Outcome, record.Reason, record.IpAddress, record.UserAgent, record.RequestId, record.Sequence?.ToString(CultureInfo.InvariantCulture),
    }.Select(Field)) + "\r\n";

    internal static string Field(string? text) => Csv.Field(text);
}
