namespace Crew.Kernel;

/// <summary>
/// Whose rows a transaction may see. Both null is nobody: storage refuses it. An organization without a workspace sees the
/// organization's own rows only. The installation (no organization) is reached by named system jobs alone.
/// </summary>
public sealed record Tenant(string OrganizationId, string? WorkspaceId)
{
    public override string ToString() => WorkspaceId is null ? OrganizationId : $"{OrganizationId}/{WorkspaceId}";
}
