namespace Crew.Storage;

/// <summary>A row that belongs to one workspace.</summary>
public interface IWorkspaceOwned
{
    string WorkspaceId { get; }
}

/// <summary>A row that belongs to one organization.</summary>
public interface IOrganizationOwned
{
    string OrganizationId { get; }
}

/// <summary>A row of an organization that belongs to one of its workspaces, or to the organization itself when that is null.</summary>
public interface IShared
{
    string OrganizationId { get; }

    string? WorkspaceId { get; }
}

/// <summary>Marks an entity that belongs to no tenant, and says why. Only system jobs may touch it.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class InstallationOwnedAttribute(string reason) : Attribute
{
    public string Reason { get; } = reason;
}
