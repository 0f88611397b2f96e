namespace Crew.Sealing;

/// <summary>Whose key it is. The numbers are stored.</summary>
public enum KeyScope
{
    /// <summary>Pepper, signing keys, people, the installation's log; below the master key.</summary>
    Installation = 1,

    /// <summary>Below the master key.</summary>
    Organization = 2,

    /// <summary>Below its organization.</summary>
    Workspace = 3,

    /// <summary>Below its workspace.</summary>
    Crew = 4,

    /// <summary>One person's or contact's key, below any of the others; destroying it erases what it sealed.</summary>
    Subject = 5,
}

/// <summary>
/// One key of the hierarchy as it is stored: sealed under its parent, bound to its id, scope and version.
/// </summary>
/// <param name="Id"><c>wkey_…</c></param>
/// <param name="Scope">Whose key it is.</param>
/// <param name="ScopeId">Id of the organization, workspace, crew or subject; <see cref="InstallationId"/> for the installation.</param>
/// <param name="ParentId">The wrapped key it is sealed under; null when that is the master key.</param>
/// <param name="Version">1 for the first key of a scope, then rising; unique with scope and scope id.</param>
/// <param name="Wrapped">The sealed key.</param>
/// <param name="CreatedAt">When the key (not this wrapping of it) was made.</param>
public sealed record WrappedKey(
    string Id, KeyScope Scope, string ScopeId, string? ParentId, int Version, byte[] Wrapped, DateTimeOffset CreatedAt)
{
    public const string IdPrefix = "wkey_";
    public const string InstallationId = "installation";
}
