using Crew.Http;
using Crew.Identity.Sessions;
using Crew.Identity.Tokens;
using Crew.Kernel;
using Crew.Keys.Contracts;
using Crew.Storage;
using Crew.Tenancy.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.Access;

/// <summary>Who and what reaches a crew, why, and when they last did.</summary>
internal static class CrewAccess
{
    /// <summary>Of each kind in one answer; of more it says so.</summary>
    private const int MostOfAKind = 1_000;

    /// <param name="Via"><c>membership</c>, or <c>organization_role</c> for who manages the workspace from above and reaches no content.</param>
    internal sealed record PersonAccess(
        string UserId, string? Email, string? Name, string Via, string Role, IReadOnlyList<CrewEnvironment>? Environments, bool ContentAccess, string MembershipId, DateTimeOffset? LastSeenAt);

    internal sealed record KeyAccess(
        string Id, string Name, string Kind, string Last4, string Via, string? UserId, IReadOnlyList<string> Permissions, DateTimeOffset CreatedAt, DateTimeOffset? LastUsedAt);

    internal sealed record IssuerAccess(string KeyId, string Name, string Via, int LiveTokens, DateTimeOffset? LastIssuedAt);

    /// <summary>An OAuth client; there are none yet.</summary>
    internal sealed record ClientAccess(string Id, string Name, string Via, DateTimeOffset? LastUsedAt);

    internal sealed record Answer(
        string CrewId, CrewEnvironment Environment, IReadOnlyList<PersonAccess> People, IReadOnlyList<KeyAccess> Keys, IReadOnlyList<ClientAccess> Clients,
        IReadOnlyList<IssuerAccess> Issuers, bool Truncated);

    public static void Map(IEndpointRouteBuilder app) =>
        app.MapGet("/v1/crews/{id}/access", Handle)
            .WithName("Crews.Access")
            .WithSummary("List the people, keys and token issuers that reach a crew, why they do, and when they last did. Needs api_keys:read as well.")
            .WithTags("Access")
            .Requires(CrewSource.Path, "members:read")
            .WorkspaceLevel();

    private static async Task<Reply<Answer>> Handle(string id, Call call, Store store, PeopleDirectory people, CancellationToken cancel)
    {
        if (!call.Workspace.Crews.TryGetValue(id, out var environment) || !call.Caller.Sees(id, environment))
        {
            return Faults.NotFound;
        }

        if (!call.May(Permissions.Of("api_keys:read")))
        {
            return Faults.InsufficientPermissions("api_keys:read");
        }

        var now = store.Node.GetUtcNow();
        var (users, keys, tokens) = await store.ReadAsync(call.Tenant, async db => (
            await People.ReachingAsync(db, call.Tenant, cancel),
            await KeyReach.IntoAsync(db, id, environment, now, MostOfAKind + 1, cancel),
            await db.Set<TokenFamily>().AsNoTracking().Where(f => f.RevokedAt == null && f.EndsAt > now && (f.CrewId == null || f.CrewId == id))
                .GroupBy(f => f.KeyId).Select(g => new { g.Key, Count = g.Count(), Last = g.Max(f => f.CreatedAt) }).ToDictionaryAsync(g => g.Key, cancel)), cancel);
        var reached = await ReachedAsync(users.Order(StringComparer.Ordinal).Take(MostOfAKind + 1), call.Workspace, environment, people, cancel);
        var seen = await SeenAsync(store, [.. reached.Select(p => p.UserId)], cancel);
        return new Answer(id, environment,
            [.. reached.Take(MostOfAKind).Select(p => p with { LastSeenAt = seen.TryGetValue(p.UserId, out var at) ? at : null })],
            [.. keys.Take(MostOfAKind).Select(k => new KeyAccess(k.Id, k.Name, k.Kind, k.Last4, k.Why, k.UserId, k.Permissions, k.CreatedAt, k.LastUsedAt))],
            [],
            [.. keys.Take(MostOfAKind).Where(k => k.MintsTokens || tokens.ContainsKey(k.Id))
                .Select(k => new IssuerAccess(k.Id, k.Name, k.Why, tokens.TryGetValue(k.Id, out var t) ? t.Count : 0, tokens.TryGetValue(k.Id, out t) ? t.Last : null))],
            users.Count > MostOfAKind || keys.Count > MostOfAKind);
    }

    /// <summary>When people were last seen at any browser, for those who have a live session or one of the last week.</summary>
    public static Task<Dictionary<string, DateTimeOffset>> SeenAsync(Store store, List<string> userIds, CancellationToken cancel) => store.ReadAsync(SystemJob.People, db =>
        db.Set<Session>().AsNoTracking().Where(s => userIds.Contains(s.UserId)).GroupBy(s => s.UserId).Select(g => new { g.Key, At = g.Max(s => s.LastSeenAt) })
            .ToDictionaryAsync(g => g.Key, g => g.At, cancel), cancel);

    private static async Task<List<PersonAccess>> ReachedAsync(
        IEnumerable<string> userIds, WorkspaceView workspace, CrewEnvironment environment, PeopleDirectory people, CancellationToken cancel)
    {
        var reached = new List<PersonAccess>();
        foreach (var (_, person) in await people.FindAllAsync(userIds, cancel))
        {
            foreach (var role in person.Roles.Where(r => r.WorkspaceId == workspace.Id || (r.WorkspaceId is null && r.OrganizationId == workspace.OrganizationId)))
            {
                if (role.Environments?.Contains(environment) != false)
                {
                    reached.Add(new PersonAccess(person.Id, person.Email, person.Name, role.WorkspaceId is null ? "organization_role" : "membership", role.Role, role.Environments,
                        role.WorkspaceId is not null && role.ContentAccess, role.MembershipId, null));
                }
            }
        }

        return reached;
    }
}
