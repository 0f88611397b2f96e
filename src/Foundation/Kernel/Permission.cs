using System.Collections.Frozen;

namespace Crew.Kernel;

/// <summary>One right, written <c>resource:action</c>. Comes only from <see cref="Permissions"/>.</summary>
public readonly record struct Permission
{
    internal Permission(int index) => Index = index;

    /// <summary>Position in the catalogue; stable within one process only.</summary>
    public int Index { get; }

    public override string ToString() => Permissions.Names[Index];
}

/// <summary>
/// The catalogue of permissions. Every resource has <c>read</c> and <c>write</c> (write does not imply read); the special
/// ones stand by themselves and are given only by name or by <c>*</c>.
/// </summary>
public static class Permissions
{
    private static readonly string[] WorkspaceResources =
    [
        "workspace", "crews", "members", "api_keys", "tokens", "sessions", "oauth", "agents", "pathways", "knowledge", "memory",
        "integrations", "secrets", "channels", "calls", "transcripts", "recordings", "messages", "campaigns", "contacts", "appointments",
        "analytics", "providers", "models", "usage", "budgets", "webhooks", "events", "audit", "alerts", "privacy", "promotions", "billing",
    ];

    /// <summary>Resources that only organization roles and account masters reach; no workspace wildcard covers them.</summary>
    private static readonly string[] OrganizationResources = ["organization", "workspaces", "domains", "sso", "scim"];

    private static readonly string[] Special = ["models:invoke", "calls:place", "exports:create", "tokens:create", "api_keys:self"];

    /// <summary>All names, in catalogue order.</summary>
    public static readonly IReadOnlyList<string> Names =
    [
        .. WorkspaceResources.SelectMany(r => new[] { $"{r}:read", $"{r}:write" }),
        .. Special,
        .. OrganizationResources.SelectMany(r => new[] { $"{r}:read", $"{r}:write" }),
    ];

    private static readonly FrozenDictionary<string, int> ByName =
        Names.Select((name, index) => (name, index)).ToFrozenDictionary(p => p.name, p => p.index);

    private static int WorkspaceResourceCount => WorkspaceResources.Length * 2;

    public static Permission Of(string name) => new(ByName[name]);

    public static bool TryFind(string name, out Permission permission)
    {
        var found = ByName.TryGetValue(name, out var index);
        permission = new Permission(index);
        return found;
    }

    /// <summary>Everything within a workspace: what <c>*</c> means.</summary>
    public static PermissionSet All { get; } = Where((_, index) => index < WorkspaceResourceCount + Special.Length);

    /// <summary>What <c>*:read</c> means: read of every workspace resource, transcripts included.</summary>
    public static PermissionSet AllRead { get; } =
        Where((name, index) => index < WorkspaceResourceCount && name.EndsWith(":read", StringComparison.Ordinal));

    /// <summary>What <c>*:write</c> means.</summary>
    public static PermissionSet AllWrite { get; } =
        Where((name, index) => index < WorkspaceResourceCount && name.EndsWith(":write", StringComparison.Ordinal));

    private static PermissionSet Where(Func<string, int, bool> match)
    {
        var set = PermissionSet.None;
        for (var index = 0; index < Names.Count; index++)
        {
            if (match(Names[index], index))
            {
                set = set.With(new Permission(index));
            }
        }

        return set;
    }
}
