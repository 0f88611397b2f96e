using Crew.Http;
using Crew.Identity.Accounts;
using Crew.Identity.Letters;
using Crew.Identity.Sessions;
using Crew.Identity.SignIn;
using Crew.Kernel;
using Crew.Storage;
using Crew.Tenancy.Contracts;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.Passkeys;

/// <summary>An answer that was right, before it is taken.</summary>
internal sealed class Proof(Person person, string passkeyId, Ceremony ceremony, Challenge challenge, long count, bool isBackedUp)
{
    public Person Person => person;

    public string PasskeyId => passkeyId;

    public Ceremony Ceremony => ceremony;

    public Challenge Challenge => challenge;

    /// <summary>Signatures that the authenticator says it has made.</summary>
    public long Count => count;

    public bool IsBackedUp => isBackedUp;

    /// <summary>Whether the count went back: somebody may hold a copy.</summary>
    public bool IsCopy { get; set; }
}

/// <summary>
/// Uses of passkeys: signing in, standing for the code after a password, and proving again who one is. The device has verified its person, so a
/// passkey counts as both factors. Whatever is wrong with an answer has one refusal.
/// </summary>
internal sealed class PasskeyUse(
    Store store, PasskeyVerifier verifier, Challenges challenges, Entry entry, PeopleDirectory people, PeopleRegister register, PasswordSignIn passwords,
    PasskeyBook book, LetterQueue letters, TimeProvider clock)
{
    public static readonly Fault Wrong = new("wrong_passkey", 401,
        "This passkey was not taken: it is not known here any more, or the page was open for too long. Try once more, or sign in another way.");

    public bool IsAvailable => verifier.IsAvailable;

    /// <summary>Asks for a passkey of a person, or for whichever the browser offers; null where there is none to ask for.</summary>
    public async Task<Question?> AskAsync(Call call, Ceremony ceremony, string visit, Person? of)
    {
        if (!verifier.IsAvailable)
        {
            return null;
        }

        var holder = of is null ? null : new PasskeyHolder(of.Id, of.Email, await book.OfAsync(of.Id, call.Aborted));
        if (holder is { Passkeys.Count: 0 })
        {
            return null;
        }

        var (asked, state) = await verifier.AskAsync(call.Http, holder);
        return new Question(challenges.Seal(ceremony, visit, state), asked);
    }

    /// <summary>Signs in whoever's passkey answered. With an address it must be theirs.</summary>
    public async Task<Fault?> SignInAsync(Call call, string visit, string? state, string? answer, string? email)
    {
        var judged = await JudgeAsync(call, Ceremony.SignIn, visit, state, answer, null);
        if (judged is not null && email is { Length: > 0 and <= 254 }
            && await store.ReadAsync(SystemJob.People, db => register.FindIdAsync(db, email), call.Aborted) != judged.Person.Id)
        {
            passwords.Note(call, judged.Person, "other_address");
            return Wrong;
        }

        return judged is null ? Wrong : await NoteAsync(call, judged, await entry.OpenAsync(call, judged.Person.Id, ["passkey"], db => TakeAsync(db, judged)));
    }

    /// <summary>Proves again who is signed in; from then on the session counts as opened with a passkey.</summary>
    public async Task<Fault?> ProveAsync(Call call, SignedIn who, Origin origin, string? state, string? answer)
    {
        if (await JudgeAsync(call, Ceremony.StepUp, who.SessionId, state, answer, who.Person.Id) is not { } proof)
        {
            return Wrong;
        }

        var proven = await store.ChangeAsync<bool>(SystemJob.People, origin, async db =>
        {
            if (await SessionBook.Live(db, who.Person.Id).SingleOrDefaultAsync(s => s.Id == who.SessionId) is not { } session)
            {
                return IdentityFaults.SessionEnded;
            }

            if (await TakeAsync(db, proof) is { } refused)
            {
                return refused;
            }

            (session.ProvedAt, session.Methods) = (clock.GetUtcNow(), [.. session.Methods.Append("passkey").Distinct()]);
            SessionBook.Changed(db, session);
            return true;
        }, call.Aborted);
        return await NoteAsync(call, proof, proven.Fault);
    }

    /// <summary>The proof in an answer, or null; a wrong one is recorded.</summary>
    /// <param name="expected">Id of the person whose answer it must be; null for anybody's.</param>
    public async Task<Proof?> JudgeAsync(Call call, Ceremony ceremony, string visit, string? state, string? answer, string? expected)
    {
        if (answer is not { Length: > 0 and <= PasskeyVerifier.MostAnswerCharacters } || challenges.Open(ceremony, visit, state) is not { } challenge
            || PasskeyVerifier.CredentialIdOf(answer) is not { } credentialId)
        {
            passwords.Note(call, null, Wrong.Code);
            return null;
        }

        var passkey = await store.ReadAsync(SystemJob.People,
            db => db.Set<Passkey>().AsNoTracking().SingleOrDefaultAsync(p => p.CredentialId == credentialId, call.Aborted), call.Aborted);
        var person = passkey is null || (expected is not null && passkey.UserId != expected) ? null : await people.FindAsync(passkey.UserId, call.Aborted);
        if (person is null || await verifier.JudgeAsync(call.Http, new PasskeyHolder(person.Id, person.Email, [passkey!]), challenge, answer) is not { } used)
        {
            passwords.Note(call, person, Wrong.Code);
            return null;
        }

        return new Proof(person, passkey!.Id, ceremony, challenge, used.SignCount, used.IsBackedUp);
    }

    /// <summary>Takes a proof inside the transaction of what it is for: its challenge is answered, and the count of its passkey goes on.</summary>
    public async Task<Fault?> TakeAsync(Db db, Proof proof)
    {
        if (!await challenges.SpendAsync(db, proof.Ceremony, proof.Challenge, proof.Person.Id)
            || await db.Set<Passkey>().SingleOrDefaultAsync(p => p.Id == proof.PasskeyId) is not { } passkey)
        {
            return Wrong;
        }

        // Some authenticators do not count, and say zero for ever (WebAuthn Level 3 section 7.2, step 22).
        if ((passkey.SignCount > 0 || proof.Count > 0) && proof.Count <= passkey.SignCount)
        {
            proof.IsCopy = true;
            return Wrong;
        }

        (passkey.SignCount, passkey.IsBackedUp, passkey.LastUsedAt) = (proof.Count, proof.IsBackedUp, clock.GetUtcNow());
        return null;
    }

    /// <summary>Records why a right answer was not taken, outside of the transaction that was given up.</summary>
    public async Task<Fault?> NoteAsync(Call call, Proof proof, Fault? fault)
    {
        if (fault is null)
        {
            return null;
        }

        if (proof.IsCopy)
        {
            await store.ChangeAsync<bool>(SystemJob.People, call.Origin, async db =>
            {
                await letters.TellAsync(db, proof.Person, "A passkey of your account was refused: the count of its signatures has gone back, so somebody may hold a copy of it. Remove it.");
                PersonEvents.Raise(db, proof.Person, new Event("passkey.counter_rollback", new Resource("passkey", proof.PasskeyId)) { Outcome = "denied", Reason = "counter_rollback" });
                return true;
            }, call.Aborted);
        }

        passwords.Note(call, proof.Person, proof.IsCopy ? "counter_rollback" : "replayed_passkey");

        // Two that answer one challenge at the same moment meet at its row.
        return fault.Status == 409 ? Wrong : fault;
    }
}
