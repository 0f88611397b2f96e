using Crew.Http;
using Crew.Identity.Accounts;
using Crew.Kernel;
using Crew.Storage;
using Crew.Tenancy.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.Sessions;

/// <summary>One's own sessions; and those of the people of a workspace, for who may end them.</summary>
internal static class SessionRoutes
{
    internal sealed record Answer(
        string Id, string UserId, bool IsCurrent, IReadOnlyList<string> Methods, string? IpAddress, string? UserAgent,
        DateTimeOffset CreatedAt, DateTimeOffset LastSeenAt, DateTimeOffset ExpiresAt);

    internal sealed record Ended(string Id, DateTimeOffset RevokedAt);

    public static void Map(RouteGroupBuilder sessions)
    {
        sessions.MapGet("/", ListAsync)
            .WithName("Sessions.List")
            .WithSummary("List the live sessions of the people of this workspace; without sessions:read, one's own.")
            .RequiresAuthentication()
            .WorkspaceLevel();
        sessions.MapDelete("/{id}", RevokeAsync)
            .WithName("Sessions.Revoke")
            .WithSummary("End a session at once, on every node; without sessions:write, one's own.")
            .RequiresAuthentication()
            .WorkspaceLevel()
            .Audited("session.revoked");
    }

    private static async Task<Reply<PageReply<Answer>>> ListAsync(Paging paging, Call call, Store store, PeopleOf people, IdentitySeal seal, CancellationToken cancel)
    {
        if (paging.Fault is { } fault)
        {
            return fault;
        }

        var users = await VisibleAsync(call, "sessions:read", people, cancel);
        var page = await store.ReadAsync(SystemJob.People, async db =>
        {
            var now = store.Node.GetUtcNow();
            var rows = await db.Set<Session>().AsNoTracking()
                .Where(s => users.Contains(s.UserId) && s.RevokedAt == null && s.ExpiresAt > now && (paging.Cursor == null || string.Compare(s.Id, paging.Cursor) > 0))
                .OrderBy(s => s.Id).Take(paging.Limit + 1).ToListAsync(cancel);
            return Page<Session>.From(rows, paging.Limit, s => Paging.Encode(s.Id));
        }, cancel);
        return new PageReply<Answer>(page.Select(s => AnswerOf(s, call.Caller.SessionId, seal)));
    }

    public static Answer AnswerOf(Session session, string? currentId, IdentitySeal seal) => new(
        session.Id, session.UserId, session.Id == currentId, session.Methods, seal.Open("identity_sessions", "ip_sealed", session.Id, session.IpSealed),
        seal.Open("identity_sessions", "agent_sealed", session.Id, session.AgentSealed), session.CreatedAt, session.LastSeenAt, session.ExpiresAt);

    private static async Task<Reply<Ended>> RevokeAsync(string id, Call call, Store store, SessionBook book, PeopleOf people, PeopleDirectory directory, CancellationToken cancel)
    {
        if (!Id.IsValid(id, IdPrefix.Session))
        {
            return Faults.NotFound;
        }

        var users = await VisibleAsync(call, "sessions:write", people, cancel);
        var userId = await store.ReadAsync(SystemJob.People, db => db.Set<Session>().AsNoTracking()
            .Where(s => s.Id == id && s.RevokedAt == null && users.Contains(s.UserId)).Select(s => s.UserId).SingleOrDefaultAsync(cancel), cancel);
        if (userId is null || await directory.FindAsync(userId, cancel) is not { } person)
        {
            return Faults.NotFound;
        }

        if (!(call.Caller.SessionId is not null && userId == call.Caller.UserId) && PeopleOf.IsAbove(person, call))
        {
            return Faults.InsufficientPermissions("owner");
        }

        var ended = await EndAsync(store, book, person, id, "session.revoked", call.Origin);
        return ended.Failed(out var fault) ? fault : new Ended(id, ended.Value);
    }

    /// <summary>Ends one session of a person, with its record in every workspace of theirs.</summary>
    public static Task<Outcome<DateTimeOffset>> EndAsync(Store store, SessionBook book, Person person, string id, string type, Origin origin) =>
        store.ChangeAsync<DateTimeOffset>(SystemJob.People, origin, async db =>
        {
            if (await SessionBook.Live(db, person.Id).SingleOrDefaultAsync(s => s.Id == id) is not { } session)
            {
                return Faults.NotFound;
            }

            book.End(db, session);
            PersonEvents.Raise(db, person, new Event(type, new Resource("session", id)));
            return session.RevokedAt!.Value;
        }, CancellationToken.None);

    /// <summary>
    /// Whose sessions the caller may act on: with the permission those of everybody in the workspace, and their own, which are those of who is
    /// signed in. A token or a key of a person is not: whoever minted it must not learn from where that person works, nor sign them out.
    /// </summary>
    private static async Task<List<string>> VisibleAsync(Call call, string permission, PeopleOf people, CancellationToken cancel)
    {
        var own = call.Caller is { SessionId: not null, UserId: { } self } ? [self] : Array.Empty<string>();
        return call.Caller.Permissions.Has(Permissions.Of(permission))
            ? [.. (await people.InAsync(call.Tenant, cancel)).Concat(own).Distinct()]
            : [.. own];
    }
}
