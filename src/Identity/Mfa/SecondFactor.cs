using Crew.Http;
using Crew.Identity.Accounts;
using Crew.Identity.Passkeys;
using Crew.Identity.Sessions;
using Crew.Identity.SignIn;
using Crew.Kernel;
using Crew.Storage;
using Crew.Tenancy.Contracts;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.Mfa;

/// <summary>
/// The second step of a sign-in. Who has come through the first holds a ticket, not a session, so there is nothing to go around it with; a few
/// wrong codes end it, and the password is asked for again.
/// </summary>
internal sealed class SecondFactor(
    Store store, Tickets tickets, IdentitySeal seal, Entry entry, PeopleDirectory people, PasswordSignIn passwords, PasskeyUse passkeys, Throttle throttle, SharedThrottle shared,
    IdentityOptions options, TimeProvider clock)
{
    private const int MostFailures = 5;

    /// <summary>Whether the person has a second factor.</summary>
    public Task<bool> IsAskedAsync(string userId, CancellationToken cancel) => store.ReadAsync(SystemJob.People, async db =>
        await db.Set<Account>().AnyAsync(a => a.UserId == userId && a.TotpSealed != null, cancel) || await PasskeyBook.HasAnyAsync(db, userId), cancel);

    /// <summary>Whose second step a ticket is, whether they have an app, and the question for a passkey of theirs; null when the step is over.</summary>
    public async Task<(bool HasApp, Question? Passkey)?> AskAsync(Call call, string? step)
    {
        if (await StepAsync(call, step) is not { } ticket || await people.FindAsync(ticket.UserId!, call.Aborted) is not { } person)
        {
            return null;
        }

        var hasApp = await store.ReadAsync(SystemJob.People, db => db.Set<Account>().AnyAsync(a => a.UserId == person.Id && a.TotpSealed != null, call.Aborted), call.Aborted);
        return (hasApp, await passkeys.AskAsync(call, Ceremony.SecondFactor, ticket.TokenHash, person));
    }

    /// <summary>Begins the second step for a person whose password was right.</summary>
    /// <param name="judgedAt">When the judging of the password began.</param>
    public Task<Outcome<SecretText>> BeginAsync(string userId, DateTimeOffset judgedAt, CancellationToken cancel) =>
        store.ChangeAsync<SecretText>(SystemJob.People, Origin.System, async db =>
        {
            await SessionBook.HoldAsync(db, userId);
            if (await Entry.IsOverAsync(db, userId, judgedAt, null))
            {
                return IdentityFaults.SessionEnded;
            }

            await tickets.EndAsync(db, TicketKind.SecondFactor, userId);
            return tickets.Add(db, TicketKind.SecondFactor, userId, TimeSpan.FromMinutes(options.StepMinutes));
        }, cancel);

    /// <summary>Judges a code, and opens the session where it is right. Null is success; <c>not_found</c> sends back to the first step.</summary>
    public async Task<Fault?> FinishAsync(Call call, string? step, string? code)
    {
        if (await StepAsync(call, step) is not { UserId: { } userId, CreatedAt: var judgedAt })
        {
            return Faults.NotFound;
        }

        var used = await store.ChangeAsync<string>(SystemJob.People, call.Origin, async db =>
        {
            await SessionBook.HoldAsync(db, userId);
            if (await tickets.FindAsync(db, TicketKind.SecondFactor, step) is not { } ticket)
            {
                return Faults.NotFound;
            }

            var method = await TakeAsync(call, db, userId, code);
            if (method is null)
            {
                ticket.Failures++;
            }

            if (method is not null || ticket.Failures >= MostFailures)
            {
                tickets.Use(ticket);
            }

            return method ?? "";
        }, call.Aborted);
        if (used.Failed(out var fault))
        {
            return fault;
        }

        if (used.Value.Length == 0)
        {
            await CountAsync(call, userId);
            passwords.Note(call, await people.FindAsync(userId, call.Aborted), "wrong_code");
            return IdentityFaults.WrongCode;
        }

        return await entry.OpenAsync(call, userId, ["password", used.Value], judgedAt: judgedAt);
    }

    /// <summary>Judges a passkey of the person instead of a code.</summary>
    public async Task<Fault?> FinishByPasskeyAsync(Call call, string? step, string? state, string? answer)
    {
        if (await StepAsync(call, step) is not { UserId: { } userId } begun)
        {
            return Faults.NotFound;
        }

        if (await passkeys.JudgeAsync(call, Ceremony.SecondFactor, begun.TokenHash, state, answer, userId) is not { } proof)
        {
            return PasskeyUse.Wrong;
        }

        var fault = await entry.OpenAsync(call, userId, ["password", "passkey"], async db =>
        {
            if (await tickets.FindAsync(db, TicketKind.SecondFactor, step) is not { } ticket)
            {
                return Faults.NotFound;
            }

            tickets.Use(ticket);
            return await passkeys.TakeAsync(db, proof);
        }, judgedAt: begun.CreatedAt);
        return await passkeys.NoteAsync(call, proof, fault);
    }

    private Task<Ticket?> StepAsync(Call call, string? step) =>
        store.ReadAsync(SystemJob.People, db => tickets.FindAsync(db, TicketKind.SecondFactor, step), call.Aborted);

    /// <summary>
    /// Takes a code of the app, or a recovery code; each is good once. The method, or null. Who has the password has still a million codes
    /// to try, so tries are held back as those of passwords are: beyond the limit a code is wrong whatever it says.
    /// </summary>
    public async Task<string?> TakeAsync(Call call, Db db, string userId, string? code)
    {
        var (counted, device) = ($"code:{userId}", entry.DeviceOf(call, userId));
        var method = await shared.AllowsAsync(db, counted, call.Address, device) ? await MatchAsync(db, userId, code) : null;
        if (method is null)
        {
            throttle.Failed(counted, call.Address, device);
        }
        else
        {
            throttle.Succeeded(counted, call.Address, device);
        }

        return method;
    }

    /// <summary>Counts a wrong code over all nodes, once the transaction that judged it is over.</summary>
    public Task CountAsync(Call call, string userId) => shared.CountAsync($"code:{userId}", call.Address, entry.DeviceOf(call, userId));

    private async Task<string?> MatchAsync(Db db, string userId, string? code)
    {
        var account = await entry.AccountAsync(db, userId);
        if (seal.OpenBytes("identity_accounts", "totp_sealed", userId, account.TotpSealed) is { } secret
            && Totp.Match(secret, code, account.TotpStep, clock.GetUtcNow()) is { } step)
        {
            (account.TotpStep, account.Version) = (step, account.Version + 1);
            return "totp";
        }

        if (RecoveryCodes.HashOf(code) is { } hash && account.RecoveryHashes.Contains(hash))
        {
            (account.RecoveryHashes, account.Version) = ([.. account.RecoveryHashes.Where(h => h != hash)], account.Version + 1);
            return "recovery";
        }

        return null;
    }
}
