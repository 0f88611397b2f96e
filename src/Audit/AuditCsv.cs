using System.Globalization;
using System.Text;
using Crew.Audit.Contracts;
using Crew.Kernel;

namespace Crew.Audit;

/// <summary>
/// Records as CSV (RFC 4180: CRLF, every field in quotes, quotes doubled). A field that a spreadsheet would run as a formula gets an
/// apostrophe in front, because some of these texts come from whoever sent a request.
/// </summary>
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

    internal static string Field(string? text)
    {
        var field = new StringBuilder("\"");
        if (text is { Length: > 0 } && IsFormula(text))
        {
            field.Append('\'');
        }

        return field.Append(text).Replace("\"", "\"\"", 1, field.Length - 1).Append('"').ToString();
    }

    /// <summary>What the OWASP page on CSV injection lists, the full-width forms included, also behind leading spaces.</summary>
    private static bool IsFormula(string text) => text[0] is '\t' or '\r' or '\n'
        || text.AsSpan().TrimStart() is ['=' or '+' or '-' or '@' or '\uFF1D' or '\uFF0B' or '\uFF0D' or '\uFF20' or '|' or '%', ..];
}
