using Crew.Http;
using Crew.Identity.Accounts;
using Crew.Kernel;
using Crew.Storage;
using Crew.Tenancy.Contracts;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.SignIn;

/// <summary>
/// Judges an address and a password. Whatever is wrong (no such person, no password, a wrong one, too many tries) gives one answer, after one
/// hashing of the same cost.
/// </summary>
internal sealed class PasswordSignIn(Store store, PeopleRegister register, PeopleDirectory people, PasswordDesk desk, SharedThrottle throttle, Entry entry, RefusalLog refusals)
{
    /// <summary>The person, or null for any reason. A full queue is <c>sign_in_busy</c>.</summary>
    public async Task<Outcome<Person?>> JudgeAsync(Call call, string? email, string? password)
    {
        var address = email is { Length: > 0 and <= 254 } ? email : "nobody@invalid";
        var hash = register.HashOf(address);
        var (userId, device, isAllowed, stored) = await store.ReadAsync(SystemJob.People, async db =>
        {
            var id = await register.FindIdAsync(db, address);
            var known = entry.DeviceOf(call, id);
            var allowed = await throttle.AllowsAsync(db, hash, call.Address, known);
            return (id, known, allowed, await db.Set<Account>().AsNoTracking().Where(a => a.UserId == id).Select(a => a.PasswordHash).SingleOrDefaultAsync(call.Aborted));
        }, call.Aborted);
        if (throttle.IsShut(call.Address, device))
        {
            refusals.Unknown(call, "too_many_tries", "auth.login.failure");
            return Found(null);
        }

        var typed = password is { Length: <= PasswordRules.MostCharacters * 2 } ? password : "";
        var verified = await desk.VerifyAsync(isAllowed ? stored : null, typed, call.Aborted);
        if (verified is null)
        {
            return IdentityFaults.Busy;
        }

        var person = userId is null ? null : await people.FindAsync(userId, call.Aborted);
        if (verified == true)
        {
            await throttle.SucceededAsync(hash, call.Address, device);
            return Found(person);
        }

        await throttle.FailedAsync(hash, call.Address, device);
        Note(call, person, isAllowed ? "wrong_password" : "too_many_tries");
        return Found(null);
    }

    /// <summary>Tells the workspaces of the person, aggregated, so that an attack does not fill their logs.</summary>
    public void Note(Call call, Person? person, string reason)
    {
        if (person is null || person.Places.Count == 0)
        {
            refusals.Unknown(call, person is null ? "unknown_person" : reason, "auth.login.failure");
            return;
        }

        foreach (var place in person.Places)
        {
            refusals.Known(place, call.OriginOf(PersonEvents.ActorOf(person)), "auth.login.failure", reason);
        }
    }

    private static Outcome<Person?> Found(Person? person) => person;
}
