using Crew.Http;
using Crew.Identity.Accounts;
using Crew.Identity.Letters;
using Crew.Identity.Passkeys;
using Crew.Identity.Sessions;
using Crew.Identity.SignIn;
using Crew.Kernel;
using Crew.Storage;
using Crew.Tenancy.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Crew.Identity.Mfa;

/// <summary>
/// For somebody who has lost every second factor: an Owner or Admin takes the factors away. It lets nobody in: the password is asked for as ever, and the
/// person is told. Whoever has roles elsewhere is not theirs to weaken.
/// </summary>
internal static class ResetFactors
{
    internal sealed record Answer(string UserId, DateTimeOffset ResetAt);

    private static readonly Fault Elsewhere = new("factors_not_resettable", 409,
        "The second factors of this person are not yours to reset: they have a role in another organization, or they are yourself. "
        + "The operator lets somebody in with crew orgs sign-in-link; your own factors are on /account.");

    public static void Map(RouteGroupBuilder members) => members.MapPost("/{id}/reset-factors", HandleAsync)
        .WithName("Members.ResetFactors")
        .WithSummary("Take app, passkeys and recovery codes of a person away who has lost them, end their sessions, and tell them.")
        .Requires(CrewSource.None, "members:write")
        .WorkspaceLevel()
        .StepUp()
        .Audited("auth.mfa.disabled", "passkey.deleted")
        .Refuses("session_required", "factors_not_resettable");

    private static async Task<Reply<Answer>> HandleAsync(
        string id, Call call, Store store, PeopleDirectory people, Entry entry, Tickets tickets, SessionBook book, LetterQueue letters, TimeProvider clock, CancellationToken cancel)
    {
        var userId = await store.ReadAsync(call.Tenant, db => People.HolderAsync(db, call.Workspace.Id, id, cancel), cancel);
        if (userId is null || await people.FindAsync(userId, cancel) is not { } person)
        {
            return Faults.NotFound;
        }

        if (call.Caller.SessionId is null)
        {
            return IdentityFaults.SessionRequired;
        }

        if (person.Roles.FirstOrDefault(r => r.OrganizationId == call.Workspace.OrganizationId && !People.MayActOn(call.Caller, r.Role)) is not null)
        {
            return Faults.InsufficientPermissions("owner");
        }

        if (person.Id == call.Caller.UserId || person.Roles.Any(r => r.OrganizationId != call.Workspace.OrganizationId))
        {
            return Elsewhere;
        }

        return await store.ChangeAsync<Answer>(SystemJob.People, call.Origin, async db =>
        {
            await ClearAsync(db, person, await entry.AccountAsync(db, person.Id), tickets);
            await book.EndAllAsync(db, person.Id);
            await letters.TellAsync(db, person, "An Owner or Admin of your workspace has taken away your second factors, because you asked for it, we hope. All your sessions have ended.");
            PersonEvents.Raise(db, person, new Event("auth.mfa.disabled", new Resource("user", person.Id)) { Reason = "reset_by_admin" });
            return new Answer(person.Id, clock.GetUtcNow());
        }, CancellationToken.None);
    }

    /// <summary>Takes app, passkeys and recovery codes away, and ends what was begun with them; true when there was one.</summary>
    public static async Task<bool> ClearAsync(Db db, Person person, Account account, Tickets tickets)
    {
        var hadOne = await PasskeyBook.ClearAsync(db, person) || account.TotpSealed is not null;
        (account.TotpSealed, account.RecoveryHashes, account.MfaDueAt, account.Version) = (null, [], null, account.Version + 1);
        await tickets.EndAsync(db, TicketKind.SecondFactor, person.Id);
        await tickets.EndAsync(db, TicketKind.TotpSetup, person.Id);
        return hadOne;
    }
}
