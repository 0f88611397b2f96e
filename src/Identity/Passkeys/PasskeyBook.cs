using System.Buffers.Text;
using System.Text.Json;
using Crew.Http;
using Crew.Identity.Accounts;
using Crew.Identity.Letters;
using Crew.Identity.Mfa;
using Crew.Identity.Sessions;
using Crew.Identity.SignIn;
using Crew.Kernel;
using Crew.Storage;
using Crew.Tenancy.Contracts;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.Passkeys;

/// <summary>What a browser is asked, and the sealed challenge that goes back with its answer.</summary>
internal sealed record Question(string State, JsonElement PublicKey);

/// <summary>A passkey that was added, and recovery codes if it is the first second factor of the person.</summary>
internal sealed record Added(Passkey Passkey, IReadOnlyList<string> RecoveryCodes);

/// <summary>Whoever is signed in, as far as their passkeys need it.</summary>
internal sealed record SignedIn(Person Person, string SessionId, IReadOnlyList<string> Methods);

/// <summary>Passkeys of people: made, listed, renamed and removed.</summary>
internal sealed class PasskeyBook(
    Store store, PasskeyVerifier verifier, Challenges challenges, Entry entry, SessionBook sessions, LetterQueue letters, TimeProvider clock)
{
    /// <summary>Passkeys of one person: a few devices, each with a copy in a drawer.</summary>
    public const int MostPerPerson = 20;

    public const int MostNameCharacters = 100;

    public static readonly Fault Unavailable = new("passkeys_unavailable", 409,
        "Passkeys belong to a host name, and this server's public address is none. Set CREW_PUBLIC_URL to an address with a name, such as https://crew.example.com or http://localhost:7080.");

    public static readonly Fault Unanswered = Faults.Invalid("credential",
        "This does not answer a challenge of this session, or its time is over. Ask for new options, and send back their state with what the browser has made.");

    /// <summary>Whether a person has any.</summary>
    public static Task<bool> HasAnyAsync(Db db, string userId) => db.Set<Passkey>().AnyAsync(p => p.UserId == userId);

    public Task<List<Passkey>> OfAsync(string userId, CancellationToken cancel) =>
        store.ReadAsync(SystemJob.People, db => db.Set<Passkey>().AsNoTracking().Where(p => p.UserId == userId).OrderBy(p => p.Id).ToListAsync(cancel), cancel);

    /// <summary>Asks the browser of whoever is signed in for a new passkey.</summary>
    public async Task<Outcome<Question>> AskNewAsync(Call call, SignedIn owner)
    {
        if (!verifier.IsAvailable)
        {
            return Unavailable;
        }

        var held = await OfAsync(owner.Person.Id, call.Aborted);
        if (held.Count >= MostPerPerson)
        {
            return TooMany;
        }

        var (asked, state) = await verifier.AskNewAsync(call.Http, new PasskeyHolder(owner.Person.Id, owner.Person.Email, held), owner.Person.Name);
        return new Question(challenges.Seal(Ceremony.Creation, owner.SessionId, state), asked);
    }

    /// <summary>
    /// Adds what the browser has made, and opens a session with it in place of the present one. The first second factor of a person ends their
    /// other sessions, which were opened with less, and brings recovery codes.
    /// </summary>
    public async Task<Outcome<Added>> AddAsync(Call call, SignedIn owner, string? state, string? answer, string? name)
    {
        if (!verifier.IsAvailable)
        {
            return Unavailable;
        }

        if (NameOf(name).Failed(out var unnamed))
        {
            return unnamed;
        }

        var person = owner.Person;
        if (challenges.Open(Ceremony.Creation, owner.SessionId, state) is not { } challenge || answer is not { Length: > 0 and <= PasskeyVerifier.MostAnswerCharacters }
            || await verifier.JudgeNewAsync(call.Http, new PasskeyHolder(person.Id, person.Email, []), challenge, answer) is not { } made)
        {
            return Unanswered;
        }

        var now = clock.GetUtcNow();
        var passkey = new Passkey
        {
            Id = Id.New(IdPrefix.Passkey, now),
            UserId = person.Id,
            CredentialId = Base64Url.EncodeToString(made.CredentialId),
            PublicKey = made.PublicKey,
            Name = NameOf(name).Value,
            SignCount = made.SignCount,
            Transports = [.. (made.Transports ?? []).Where(t => t.Length <= 32).Take(8)],
            IsUserVerified = made.IsUserVerified,
            IsBackupEligible = made.IsBackupEligible,
            IsBackedUp = made.IsBackedUp,
            AttestationObject = made.AttestationObject,
            ClientDataJson = made.ClientDataJson,
            CreatedAt = now,
            LastUsedAt = now,
        };
        IReadOnlyList<string> codes = [];
        var fault = await entry.OpenAsync(call, person.Id, [.. owner.Methods.Append("passkey").Distinct()], async db =>
        {
            var (refused, shown) = await KeepAsync(db, person, passkey, challenge);
            codes = shown;
            return refused;
        }, present: owner.SessionId);
        return fault is not null ? fault : new Added(passkey, codes);
    }

    public Task<Outcome<Passkey>> RenameAsync(Origin origin, Person person, string id, string? name) => store.ChangeAsync<Passkey>(SystemJob.People, origin, async db =>
    {
        if (NameOf(name).Failed(out var unnamed))
        {
            return unnamed;
        }

        if (await FindAsync(db, person.Id, id) is not { } passkey)
        {
            return Faults.NotFound;
        }

        PersonEvents.Raise(db, person, new Event("passkey.updated", new Resource("passkey", id)) { Changes = [new FieldChange("name", passkey.Name, NameOf(name).Value)] });
        passkey.Name = NameOf(name).Value;
        return passkey;
    }, CancellationToken.None);

    public Task<Outcome<Passkey>> RemoveAsync(Origin origin, Person person, string id) => store.ChangeAsync<Passkey>(SystemJob.People, origin, async db =>
    {
        if (await FindAsync(db, person.Id, id) is not { } passkey)
        {
            return Faults.NotFound;
        }

        db.Remove(passkey);
        await letters.TellAsync(db, person, $"The passkey \"{passkey.Name}\" was removed from your account.");
        PersonEvents.Raise(db, person, new Event("passkey.deleted", new Resource("passkey", id)) { Changes = [new FieldChange("name", passkey.Name, null)] });
        var account = await entry.AccountAsync(db, person.Id);
        if (account.TotpSealed is null && !await db.Set<Passkey>().AnyAsync(p => p.UserId == person.Id && p.Id != id))
        {
            // Recovery codes stand in for a second factor, and there is none any more.
            (account.RecoveryHashes, account.Version) = ([], account.Version + 1);
            PersonEvents.Raise(db, person, new Event("auth.mfa.disabled", new Resource("user", person.Id)) { Changes = [new FieldChange("method", "passkey", null)] });
        }

        return passkey;
    }, CancellationToken.None);

    /// <summary>Takes all of them away, in a transaction of <see cref="SystemJob.People"/>; true when there was one.</summary>
    public static async Task<bool> ClearAsync(Db db, Person person)
    {
        var held = await db.Set<Passkey>().Where(p => p.UserId == person.Id).ToListAsync();
        foreach (var passkey in held)
        {
            db.Remove(passkey);
            PersonEvents.Raise(db, person, new Event("passkey.deleted", new Resource("passkey", passkey.Id)) { Changes = [new FieldChange("name", passkey.Name, null)] });
        }

        return held.Count > 0;
    }

    private async Task<(Fault? Refused, IReadOnlyList<string> Codes)> KeepAsync(Db db, Person person, Passkey passkey, Challenge challenge)
    {
        if (!await challenges.SpendAsync(db, Ceremony.Creation, challenge, person.Id) || await db.Set<Passkey>().AnyAsync(p => p.CredentialId == passkey.CredentialId))
        {
            return (Unanswered, []);
        }

        var held = await db.Set<Passkey>().CountAsync(p => p.UserId == person.Id);
        if (held >= MostPerPerson)
        {
            return (TooMany, []);
        }

        db.Add(passkey);
        await letters.TellAsync(db, person, $"The passkey \"{passkey.Name}\" was added to your account.");
        PersonEvents.Raise(db, person, new Event("passkey.created", new Resource("passkey", passkey.Id)) { Changes = [new FieldChange("name", null, passkey.Name)] });
        var account = await entry.AccountAsync(db, person.Id);
        if (held > 0 || account.TotpSealed is not null)
        {
            return (null, []);
        }

        var (codes, hashes) = RecoveryCodes.Make();
        (account.RecoveryHashes, account.Version) = (hashes, account.Version + 1);
        await sessions.EndAllAsync(db, person.Id);
        PersonEvents.Raise(db, person, new Event("auth.mfa.enabled", new Resource("user", person.Id)) { Changes = [new FieldChange("method", null, "passkey")] });
        return (null, codes);
    }

    private static async Task<Passkey?> FindAsync(Db db, string userId, string id) =>
        Id.IsValid(id, IdPrefix.Passkey) ? await db.Set<Passkey>().SingleOrDefaultAsync(p => p.Id == id && p.UserId == userId) : null;

    private static Outcome<string> NameOf(string? name)
    {
        var text = (name ?? "").Trim();
        return text.Length is 0 or > MostNameCharacters || text.Any(char.IsControl)
            ? Faults.Invalid("name", $"Give the passkey a name of 1 to {MostNameCharacters} characters, such as the device that holds it.")
            : text;
    }

    private static Fault TooMany { get; } = new("too_many_passkeys", 403, $"There are {MostPerPerson} passkeys already. Remove one that you do not use any more.");
}
