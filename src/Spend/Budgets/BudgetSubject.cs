using Crew.Kernel;

namespace Crew.Spend;

/// <summary>The levels of the chain, from the outside in. Spend counts against every one of them.</summary>
internal enum BudgetLevel
{
    Organization,
    Workspace,
    Crew,
    Person,
    Key,
}

/// <summary>
/// What a budget caps. A person's is the spend of that person in one workspace; a key's belongs to the lineage, so that it
/// survives a roll.
/// </summary>
internal readonly record struct BudgetSubject(BudgetLevel Level, string Id, string? WorkspaceId)
{
    public static BudgetSubject Organization(string organizationId) => new(BudgetLevel.Organization, organizationId, null);

    public static BudgetSubject Workspace(string workspaceId) => new(BudgetLevel.Workspace, workspaceId, workspaceId);

    public static BudgetSubject Crew(string workspaceId, string crewId) => new(BudgetLevel.Crew, crewId, workspaceId);

    public static BudgetSubject Person(string workspaceId, string userId) => new(BudgetLevel.Person, userId, workspaceId);

    public static BudgetSubject Key(string workspaceId, string lineageId) => new(BudgetLevel.Key, lineageId, workspaceId);

    /// <summary>The word for the level outside the process.</summary>
    public string LevelName => Level switch
    {
        BudgetLevel.Organization => "organization",
        BudgetLevel.Workspace => "workspace",
        BudgetLevel.Crew => "crew",
        BudgetLevel.Person => "user",
        _ => "key",
    };

    /// <summary>The subject as it is stored, unique within its level.</summary>
    public string Stored => Level == BudgetLevel.Person ? $"{WorkspaceId}/{Id}" : Id;

    /// <summary>The <c>scope</c> of the interface: <c>organization</c>, <c>workspace</c>, <c>crew:…</c>, <c>user:…</c>, <c>key:…</c>.</summary>
    public override string ToString() => Level is BudgetLevel.Organization or BudgetLevel.Workspace ? LevelName : $"{LevelName}:{Id}";

    public static BudgetSubject FromStored(string level, string stored, string? workspaceId) => level switch
    {
        "organization" => Organization(stored),
        "workspace" => Workspace(stored),
        "crew" => Crew(workspaceId!, stored),
        "user" => Person(workspaceId!, stored[(stored.IndexOf('/', StringComparison.Ordinal) + 1)..]),
        _ => Key(workspaceId!, stored),
    };

    /// <summary>Reads a <c>scope</c> as a caller of one organization and workspace means it.</summary>
    public static bool TryParse(string? scope, string organizationId, string workspaceId, out BudgetSubject subject)
    {
        var (level, id) = scope?.IndexOf(':', StringComparison.Ordinal) is > 0 and var colon
            ? (scope[..colon], scope[(colon + 1)..])
            : (scope, "");
        BudgetSubject? read = level switch
        {
            "organization" when id.Length == 0 => Organization(organizationId),
            "workspace" when id.Length == 0 => Workspace(workspaceId),
            "crew" when Kernel.Id.IsValid(id, IdPrefix.Crew) => Crew(workspaceId, id),
            "user" when Kernel.Id.IsValid(id, IdPrefix.User) => Person(workspaceId, id),
            "key" when Kernel.Id.IsValid(id, IdPrefix.ApiKey) => Key(workspaceId, id),
            _ => null,
        };
        subject = read ?? default;
        return read is not null;
    }
}
