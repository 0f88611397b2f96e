using Crew.Http;
using Crew.Identity.Accounts;
using Crew.Identity.Sessions;
using Crew.Kernel;
using Crew.Storage;
using Crew.Tenancy.Contracts;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.SignIn;

/// <summary>
/// The last step of every sign-in: a new session with a new cookie, the record of it, and the end of whatever session this browser brought.
/// </summary>
internal sealed class Entry(
    Store store, PeopleDirectory people, SessionBook book, BearerMint mint, IWorkspaceDirectory workspaces, IdentityOptions options, TimeProvider clock)
{
    /// <summary>Opens a session for a person who has proven who they are. <paramref name="also"/> is part of the same transaction.</summary>
    public async Task<Fault?> OpenAsync(Call call, string userId, IReadOnlyList<string> methods, Func<Db, Task<Fault?>>? also = null)
    {
        var person = await people.FindAsync(userId, call.Aborted) ?? throw new InvalidOperationException("Nobody signs in.");
        var isMfaRequired = await RequiresMfaAsync(person, call.Aborted);
        var former = mint.HashOf(SessionIndex.Kind, SessionCookie.Read(call.Http.Request, options));
        var address = call.Address;
        var agent = call.Http.Request.Headers.UserAgent.ToString();
        var opened = await store.ChangeAsync<SecretText>(SystemJob.People, call.OriginOf(PersonEvents.ActorOf(person)), async db =>
        {
            if (also is not null && await also(db) is { } refused)
            {
                return refused;
            }

            if (former is not null && await db.Set<Session>().SingleOrDefaultAsync(s => s.TokenHash == former && s.RevokedAt == null) is { } before)
            {
                book.End(db, before);
            }

            var account = await AccountAsync(db, userId);
            if (isMfaRequired && account.MfaDueAt is null)
            {
                (account.MfaDueAt, account.Version) = (clock.GetUtcNow().AddDays(options.GraceDays), account.Version + 1);
            }

            var (session, text) = await book.OpenAsync(db, userId, methods, address, agent);
            PersonEvents.Raise(db, person, new Event("auth.login.success", new Resource("session", session.Id))
            {
                Changes = [new FieldChange("methods", null, methods)],
            });
            return text;
        }, call.Aborted);
        if (opened.Failed(out var fault))
        {
            return fault;
        }

        SessionCookie.Give(call.Http.Response, opened.Value, options);
        SessionCookie.Give(call.Http.Response, SessionCookie.DeviceName, mint.Make(DeviceKind(userId)).Text, options);
        return null;
    }

    /// <summary>The person's account; made when there is none yet.</summary>
    public async Task<Account> AccountAsync(Db db, string userId)
    {
        if (db.Set<Account>().Local.FirstOrDefault(a => a.UserId == userId) is { } added)
        {
            return added;
        }

        if (await db.Set<Account>().SingleOrDefaultAsync(a => a.UserId == userId) is { } known)
        {
            return known;
        }

        var account = new Account { UserId = userId, RecoveryHashes = [], CreatedAt = clock.GetUtcNow() };
        db.Add(account);
        return account;
    }

    /// <summary>What says that this browser has signed this person in before; null where it has not.</summary>
    public string? DeviceOf(Call call, string? userId) =>
        userId is null ? null : mint.HashOf(DeviceKind(userId), SessionCookie.Read(call.Http.Request, SessionCookie.DeviceName, options));

    private static string DeviceKind(string userId) => $"device:{userId}";

    private async Task<bool> RequiresMfaAsync(Person person, CancellationToken cancel)
    {
        foreach (var place in person.Places)
        {
            if (await workspaces.FindAsync(place.OrganizationId, place.WorkspaceId!, cancel) is { RequiresMfa: true })
            {
                return true;
            }
        }

        return false;
    }
}
