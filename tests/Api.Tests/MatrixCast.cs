using System.Collections.Concurrent;

namespace Crew.Api.Tests;

/// <summary>Somebody who calls: a person in a role, or a credential of a kind.</summary>
/// <param name="Name">For the messages of tests.</param>
/// <param name="Rights">Names of permissions at either level.</param>
/// <param name="SeesWorkspace">Whether they see what belongs to the workspace as a whole.</param>
internal sealed record MatrixActor(string Name, Func<string, string, object?, Task<ApiAnswer>> SendAsync, IReadOnlySet<string> Rights, bool SeesWorkspace)
{
    /// <summary>Belongs to another organization, and names this workspace all the same.</summary>
    public bool IsNowhere { get; init; }

    /// <summary>What <c>/v1/me</c> must say at workspace level; null where it is not compared.</summary>
    public IReadOnlyCollection<string>? Expected { get; init; }

    /// <summary>What it must say at organization level.</summary>
    public IReadOnlyCollection<string> ExpectedAbove { get; init; } = [];

    /// <summary>The environment that it is kept to, so that another environment's things are another's.</summary>
    public string? Environment { get; init; }

    /// <summary>Manages the workspaces of its organization, so that a sibling workspace itself is no secret to it; what is in it is.</summary>
    public bool IsAccount { get; init; }
}

/// <summary>Everybody of the matrix, made once for each stage, and things of each kind of this workspace and of others.</summary>
internal sealed class MatrixCast
{
    private static readonly ConcurrentDictionary<ApiStage, Lazy<Task<MatrixCast>>> Made = new();

    public required IReadOnlyList<MatrixActor> Actors { get; init; }

    /// <summary>Things of the home workspace, in its staging crew.</summary>
    public required IReadOnlyDictionary<string, string> Own { get; init; }

    public required IReadOnlyDictionary<string, string> Sibling { get; init; }

    public required IReadOnlyDictionary<string, string> Foreign { get; init; }

    public required Persona Owner { get; init; }

    public required Persona Admin { get; init; }

    public required Persona Member { get; init; }

    public static Task<MatrixCast> OfAsync(ApiStage stage) => Made.GetOrAdd(stage, s => new Lazy<Task<MatrixCast>>(() => MakeAsync(s))).Value;

    /// <summary>Things that must look to somebody as if they were not there.</summary>
    public IEnumerable<(string Whose, IReadOnlyDictionary<string, string> Things)> ThingsBeyond(MatrixActor actor)
    {
        yield return ("another organization", Foreign);
        yield return ("a sibling workspace", actor.IsAccount ? Without(Sibling, "workspaces") : Sibling);
        if (actor.IsNowhere)
        {
            yield return ("this workspace", Own);
        }
        else if (actor.Environment is not null)
        {
            // Models are open to who is bound, who has to know what may be called; kinds that the environment does not bind stay out.
            yield return ("another environment", Own.Where(t => t.Key is "crews").ToDictionary());
        }
    }

    private static Dictionary<string, string> Without(IReadOnlyDictionary<string, string> things, string kind) => things.Where(t => t.Key != kind).ToDictionary();

    private static async Task<MatrixCast> MakeAsync(ApiStage stage)
    {
        var (owner, admin, member) = (await stage.PersonAsync("owner"), await stage.PersonAsync("admin"), await stage.PersonAsync("member"));
        var actors = new List<MatrixActor>
        {
            Person("Owner", owner, MatrixRoles.All),
            Person("Admin", admin, MatrixRoles.Admin),
            Person("Member", member, MatrixRoles.Member),
            Person("Viewer", await stage.PersonAsync("viewer"), MatrixRoles.Viewer),
            Person("Member in development", await stage.PersonAsync("member", ["development"]), MatrixRoles.Member, environment: "development"),
            Person("Admin in development", await stage.PersonAsync("admin", ["development"]), MatrixRoles.Admin, environment: "development"),
            Person("Admin without content", await stage.PersonAsync("admin", contentAccess: false), [.. MatrixRoles.Admin.Except(MatrixRoles.Content)]),
            Person("org_owner", await stage.PersonAsync("org_owner"), [], MatrixRoles.OrganizationOwner) with { IsAccount = true },
            Person("org_admin", await stage.PersonAsync("org_admin"), [], MatrixRoles.OrganizationAdmin) with { IsAccount = true },
            Person("org_billing", await stage.PersonAsync("org_billing"), [], MatrixRoles.OrganizationBilling),
        };
        var stranger = (await stage.OrganizationAsync()).Owner.In(stage.Home.WorkspaceId);
        Task<ApiAnswer> FromAfarAsync(string method, string path, object? body) => stranger.SendAsync(method, path, body, ("X-Forwarded-For", stage.NewAddress()));
        actors.Add(new MatrixActor("Owner elsewhere", FromAfarAsync, MatrixRoles.All.ToHashSet(), true) { IsNowhere = true });
        actors.AddRange(await CredentialsAsync(stage, owner, member));
        var second = ("X-Crew-Workspace", stage.SecondWorkspaceId);
        var sibling = (await stage.Account.GetAsync("/v1/crews", second)).ShouldBe(200).Data[1].GetProperty("id").GetString()!;
        return new MatrixCast
        {
            Actors = actors,
            Owner = owner,
            Admin = admin,
            Member = member,
            Own = await IsolationTests.ThingsAsync(stage, stage.Master, stage.Home.WorkspaceId, stage.Home.Crews.Staging),
            Sibling = await IsolationTests.ThingsAsync(stage, stage.Account, stage.SecondWorkspaceId, sibling, second),
            Foreign = await IsolationTests.ThingsAsync(stage, stage.Foreigner, stage.Other.WorkspaceId, stage.Other.Crews.Staging),
        };
    }

    private static async Task<IReadOnlyList<MatrixActor>> CredentialsAsync(ApiStage stage, Persona owner, Persona member)
    {
        string[] wide = ["*:read", "*:write", "models:invoke", "tokens:create", "exports:create", "calls:place", "api_keys:self"];
        async Task<ApiCaller> UserKeyAsync(Persona person, params string[] permissions) => stage.Caller(
            (await person.PostAsync("/v1/api-keys", new { name = "matrix", kind = "user", mode = "live", permissions })).ShouldBe(201).Text("key"));
        async Task<ApiCaller> TokenAsync(object subject) => stage.Caller(
            (await (await stage.KeyAsync(new { permissions = wide })).Caller.PostAsync("/v1/auth/tokens", subject)).ShouldBe(201).Text("access_token"));
        var everything = MatrixRoles.All;
        var service = (await stage.KeyAsync(new { permissions = wide })).Caller;
        return
        [
            Key("account master", stage.Account, everything, MatrixRoles.OrganizationOwner) with { IsAccount = true },
            Key("master", stage.Master, everything),
            Key("wide service key", service, everything),
            Key("narrow service key", (await stage.KeyAsync(new { permissions = new[] { "crews:read" } })).Caller, ["crews:read"]),
            Key("key of an Owner", await UserKeyAsync(owner, wide), everything),
            Key("key of a Member", await UserKeyAsync(member, [.. MatrixRoles.Member]), MatrixRoles.Member),
            Key("key bound to development", (await stage.KeyAsync(new { environment = "development", permissions = wide })).Caller, everything, environment: "development"),
            Key("key bound to a crew", (await stage.KeyAsync(new { crew_id = stage.Home.Crews.Development, permissions = wide })).Caller, everything, environment: "development"),
            Key("test key", (await stage.KeyAsync(new { mode = "test", permissions = wide })).Caller, everything, environment: "test"),
            Key("token of a Member", await TokenAsync(new { user_id = member.UserId, permissions = new[] { "*:read", "*:write", "models:invoke" } }),
                [.. MatrixRoles.Member.Where(p => p is not ("api_keys:self" or "calls:place"))]),
            Key("token of an outsider", await TokenAsync(new { subject = "matrix", permissions = new[] { "crews:read", "models:invoke" } }), ["crews:read", "models:invoke"]),
        ];
    }

    private static MatrixActor Person(string name, Persona person, IReadOnlyCollection<string> rights, IReadOnlyCollection<string>? above = null, string? environment = null) =>
        new(name, (method, path, body) => person.SendAsync(method, path, body), rights.Concat(above ?? []).ToHashSet(), environment is null)
        { Expected = rights, ExpectedAbove = above ?? [], Environment = environment };

    private static MatrixActor Key(string name, ApiCaller caller, IReadOnlyCollection<string> rights, IReadOnlyCollection<string>? above = null, string? environment = null) =>
        new(name, (method, path, body) => caller.SendAsync(method, path, body), rights.Concat(above ?? []).ToHashSet(), environment is null)
        { Expected = rights, ExpectedAbove = above ?? [], Environment = environment == "test" ? null : environment };
}

/// <summary>The tables of roles and permissions as the contract has them, written down here a second time.</summary>
internal static class MatrixRoles
{
    private static readonly string[] Resources =
    [
        "workspace", "crews", "members", "api_keys", "tokens", "sessions", "oauth", "agents", "pathways", "knowledge", "memory", "integrations", "secrets", "channels", "calls",
        "transcripts", "recordings", "messages", "campaigns", "contacts", "appointments", "analytics", "providers", "models", "usage", "budgets", "webhooks", "events", "audit",
        "alerts", "privacy", "promotions", "billing",
    ];

    public static readonly IReadOnlyList<string> All =
        [.. Resources.SelectMany(Both), "models:invoke", "calls:place", "exports:create", "tokens:create", "api_keys:self"];

    public static readonly IReadOnlyList<string> Admin = [.. All.Except(["billing:write"])];

    /// <summary>Over all environments; the edits do not hold in production.</summary>
    public static readonly IReadOnlyList<string> Member =
    [
        .. "agents pathways knowledge memory integrations channels calls messages campaigns contacts appointments analytics usage webhooks crews workspace models".Split(' ').Select(r => $"{r}:read"),
        .. "knowledge memory calls messages campaigns contacts appointments agents pathways integrations channels promotions".Split(' ').Select(r => $"{r}:write"),
        "transcripts:read", "models:invoke", "calls:place", "api_keys:self",
    ];

    public static readonly IReadOnlyList<string> Viewer = [.. "agents pathways knowledge calls analytics usage crews workspace models".Split(' ').Select(r => $"{r}:read")];

    /// <summary>What a membership without content does not reach.</summary>
    public static readonly IReadOnlyList<string> Content = [.. "transcripts recordings messages memory contacts privacy".Split(' ').SelectMany(Both), "exports:create"];

    public static readonly IReadOnlyList<string> OrganizationOwner =
        [.. "organization workspaces domains sso scim providers models budgets billing".Split(' ').SelectMany(Both), "usage:read", "audit:read"];

    public static readonly IReadOnlyList<string> OrganizationAdmin = [.. OrganizationOwner.Except(["billing:read", "billing:write"])];

    public static readonly IReadOnlyList<string> OrganizationBilling = ["usage:read", "billing:read", "billing:write", "budgets:read", "budgets:write"];

    private static string[] Both(string resource) => [$"{resource}:read", $"{resource}:write"];
}
