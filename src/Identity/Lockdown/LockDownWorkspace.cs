using Crew.Http;
using Crew.Identity.Accounts;
using Crew.Identity.Invitations;
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

namespace Crew.Identity.Lockdown;

/// <summary>The red button: everybody and everything but the caller is put out of a workspace in one transaction.</summary>
internal static class LockDownWorkspace
{
    private const string Reason = "lockdown";

    /// <summary>What ended by this call; calling again ends what has come since, most often nothing.</summary>
    /// <param name="AccountMastersElsewhere">Account masters of the organization that are keys of another workspace and still reach this one.</param>
    internal sealed record Answer(string WorkspaceId, int KeysRevoked, int TokensRevoked, int SessionsEnded, int InvitationsRevoked, int AccountMastersElsewhere, DateTimeOffset LockedDownAt);

    public static void Map(RouteGroupBuilder workspaces) =>
        workspaces.MapPost("/{id}/lockdown", Handle)
            .WithName("Workspaces.Lockdown")
            .WithSummary("Revoke every key, token, session and open invitation of a workspace but the caller's own key or session. "
                + "None is accepted after this has answered. Needs its Owner, or an account master.")
            .Requires(CrewSource.None, "workspace:write", "workspaces:write")
            .WorkspaceLevel()
            .StepUp()
            .Audited("workspace.locked_down", "api_key.revoked", "token.revoked", "session.revoked", "user.updated");

    private static async Task<Reply<Answer>> Handle(
        string id, Call call, Store store, SessionBook sessions, InvitationBook invitations, PeopleDirectory people, IWorkspaceDirectory workspaces,
        CancellationToken cancel)
    {
        if (!Id.IsValid(id, IdPrefix.Workspace) || (id != call.Workspace.Id && !call.Caller.IsAccount)
            || await workspaces.FindAsync(call.Caller.OrganizationId, id, cancel) is not { } workspace)
        {
            return Faults.NotFound;
        }

        if (!call.Caller.IsOwnerInPerson && !call.Caller.IsAccount)
        {
            return Faults.InsufficientPermissions("owner");
        }

        var place = new Tenant(workspace.OrganizationId, workspace.Id);
        var persons = await people.FindAllAsync(await store.ReadAsync(SystemJob.Lockdown, db => People.ReachingAsync(db, place, cancel), cancel), cancel);

        // Not cancelled by a caller that leaves: they have pressed it.
        var done = await store.ChangeAsync<Answer>(SystemJob.Lockdown, call.Origin, async db =>
        {
            var now = store.Node.GetUtcNow();
            var keys = await WorkspaceKeys.RevokeAllAsync(db, place, call.Caller.Actor.KeyId, Reason, now);
            var tokens = await EndTokensAsync(db, place, now);
            var ended = await EndSessionsAsync(db, place, call.Caller.SessionId, sessions, persons, now);
            var offers = await invitations.EndAllAsync(db, place, Reason);
            db.Raise(new Event("workspace.locked_down", new Resource("workspace", place.WorkspaceId!, workspace.Name))
            {
                Tenant = place,
                Changes =
                [
                    new FieldChange("keys_revoked", null, keys), new FieldChange("tokens_revoked", null, tokens), new FieldChange("sessions_ended", null, ended),
                    new FieldChange("invitations_revoked", null, offers),
                ],
            });
            return new Answer(place.WorkspaceId!, keys, tokens, ended, offers, await WorkspaceKeys.AccountMastersBesideAsync(db, place, now), now);
        }, CancellationToken.None);
        return done.Failed(out var fault) ? fault : done.Value;
    }

    private static async Task<int> EndTokensAsync(Db db, Tenant place, DateTimeOffset now)
    {
        var live = await db.Set<TokenFamily>().Where(f => f.WorkspaceId == place.WorkspaceId && f.RevokedAt == null && f.EndsAt > now).ToListAsync();
        foreach (var family in live)
        {
            RevokeTokens.Mark(db, family, Reason, now);
        }

        return live.Count;
    }

    /// <summary>Sessions of everybody whose role leads here; those of people who have come since the look at the directory, too.</summary>
    private static async Task<int> EndSessionsAsync(
        Db db, Tenant place, string? exceptId, SessionBook sessions, IReadOnlyDictionary<string, Person> persons, DateTimeOffset now)
    {
        var users = await People.ReachingAsync(db, place, CancellationToken.None);
        var live = await db.Set<Session>().Where(s => users.Contains(s.UserId) && s.RevokedAt == null && s.ExpiresAt > now && s.Id != exceptId).ToListAsync();
        foreach (var session in live)
        {
            sessions.End(db, session);
            var ended = new Event("session.revoked", new Resource("session", session.Id)) { Tenant = place, Reason = Reason };
            if (persons.TryGetValue(session.UserId, out var person))
            {
                PersonEvents.Raise(db, person, ended);
            }
            else
            {
                db.Raise(ended);
            }
        }

        return live.Count;
    }
}
