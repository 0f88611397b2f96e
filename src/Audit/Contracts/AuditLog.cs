using System.Text.Json;

namespace Crew.Audit.Contracts;

/// <summary>One audit record as the outside sees it.</summary>
public sealed record AuditLog
{
    /// <summary><c>log_…</c></summary>
    public required string Id { get; init; }

    /// <summary>When it happened: RFC 3339, UTC, milliseconds.</summary>
    public required DateTimeOffset Timestamp { get; init; }

    /// <summary>A name of the event catalogue.</summary>
    public required string EventType { get; init; }

    public required AuditActor Actor { get; init; }

    /// <summary>Null in an organization's and in the installation's log.</summary>
    public string? WorkspaceId { get; init; }

    public string? CrewId { get; init; }

    public AuditResource? Resource { get; init; }

    /// <summary>What was changed: objects of <c>field</c>, <c>from</c>, <c>to</c>.</summary>
    public required JsonElement Changes { get; init; }

    /// <summary><c>success</c>, <c>failure</c> or <c>denied</c>.</summary>
    public required string Outcome { get; init; }

    public string? Reason { get; init; }

    /// <summary>Null where there was none, it is not kept, or it was erased.</summary>
    public string? IpAddress { get; init; }

    public string? UserAgent { get; init; }

    public string? RequestId { get; init; }

    /// <summary>Place in the log, from 1, without gaps; null for the moment until it is given.</summary>
    public long? Sequence { get; init; }
}

/// <summary>Who did it.</summary>
public sealed record AuditActor(string Type, string Id, string? Email, string? KeyLast4);

/// <summary>What it was done to.</summary>
public sealed record AuditResource(string Type, string? Id, string? Name);
