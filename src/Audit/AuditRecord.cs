using Crew.Storage;

namespace Crew.Audit;

/// <summary>The fields of a stored audit record; see docs/security/audit-log.md for what each of them says.</summary>
internal class RecordFields
{
    public string Id { get; set; } = "";

    /// <summary>Milliseconds since 1970; the same as in <see cref="Id"/>.</summary>
    public long At { get; set; }

    /// <summary>Null in the installation's log.</summary>
    public string? OrganizationId { get; set; }

    /// <summary>Null in an organization's and in the installation's log.</summary>
    public string? WorkspaceId { get; set; }

    public string EventType { get; set; } = "";

    public string Outcome { get; set; } = "";

    public string? Reason { get; set; }

    public string ActorType { get; set; } = "";

    public string ActorId { get; set; } = "";

    public string? ActorLast4 { get; set; }

    public string? ResourceType { get; set; }

    public string? ResourceId { get; set; }

    public string? ResourceName { get; set; }

    public string? CrewId { get; set; }

    public string? RequestId { get; set; }

    /// <summary>HTTP status of the request; not part of the leaf.</summary>
    public long? Status { get; set; }

    /// <summary>The key that acted.</summary>
    public string? KeyId { get; set; }

    /// <summary>Canonical JSON (RFC 8785) of the changes; null where there are none.</summary>
    public string? Changes { get; set; }

    /// <summary>The commitments to e-mail, IP address and user agent, one after the other.</summary>
    public byte[] Commitments { get; set; } = [];

    /// <summary>E-mail, IP address, user agent and their salts, sealed; null once erased.</summary>
    public byte[]? Personal { get; set; }

    public string? IpHash { get; set; }

    /// <summary>Whose log the record is in: a workspace's or organization's id, or <c>installation</c>.</summary>
    public string LogId => WorkspaceId ?? OrganizationId ?? InstallationLogId;

    /// <summary>The log id of the installation's own log.</summary>
    public const string InstallationLogId = "installation";
}

/// <summary>A record as it is read. Rows are written by <see cref="AuditRow"/> alone; for EF the table is a view.</summary>
internal sealed class AuditRecord : RecordFields, IShared
{
    string IShared.OrganizationId => OrganizationId ?? "";

    string? IShared.WorkspaceId => WorkspaceId;
}

/// <summary>A leaf as it is read, beside its record.</summary>
[InstallationOwned("Holds ids and hashes only, is reached through the tenant's own records, and row-level security binds it to their logs.")]
internal sealed class AuditLeaf
{
    public string LogId { get; set; } = "";

    public long Sequence { get; set; }

    public string RecordId { get; set; } = "";

    public byte[] LeafHash { get; set; } = [];

    public long At { get; set; }
}
