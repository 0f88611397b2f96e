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
    /// <summary>
    /// Opens a session for a person who has proven who they are. A proof that was judged before the password changed, or by a session that has ended
    /// meanwhile, opens nothing: whoever puts a thief out must not leave in the one who was at the door at that moment.
    /// </summary>
    /// <param name="judgedAt">When the judging of a password began; null where none was judged.</param>
    /// <param name="present">Id of the session that this one takes the place of, and rests on; null where it rests on none.</param>
    /// <param name="also">Part of the same transaction.</param>
    public async Task<Fault?> OpenAsync(
        Call call, string userId, IReadOnlyList<string> methods, Func<Db, Task<Fault?>>? also = null, DateTimeOffset? judgedAt = null, string? present = null)
    {
        var person = await people.FindAsync(userId, call.Aborted) ?? throw new InvalidOperationException("Nobody signs in.");
        var isMfaRequired = await RequiresMfaAsync(person, call.Aborted);
        var former = mint.HashOf(SessionIndex.Kind, SessionCookie.Read(call.Http.Request, options));
        var address = call.Address;
        var agent = call.Http.Request.Headers.UserAgent.ToString();
        var opened = await store.ChangeAsync<SecretText>(SystemJob.People, call.OriginOf(PersonEvents.ActorOf(person)), async db =>
        {
            await SessionBook.HoldAsync(db, userId);
            if (await IsOverAsync(db, userId, judgedAt, present))
            {
                return IdentityFaults.SessionEnded;
            }

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
        Recognize(call, userId);
        return null;
    }

    /// <summary>Has this browser known as one of the person's, so that strangers' failures do not hold it back.</summary>
    public void Recognize(Call call, string userId) =>
        SessionCookie.Give(call.Http.Response, SessionCookie.DeviceName, mint.Make(DeviceKind(userId)).Text, options);

    /// <summary>Whether the password that was judged is not the person's any more, or the session that was shown has ended.</summary>
    public static async Task<bool> IsOverAsync(Db db, string userId, DateTimeOffset? judgedAt, string? present) =>
        (judgedAt is { } judged && await db.Set<Account>().AnyAsync(a => a.UserId == userId && a.PasswordChangedAt > judged))
        || (present is not null && !await SessionBook.Live(db, userId).AnyAsync(s => s.Id == present));

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
