using Crew.Kernel;
using Crew.Sealing;
using Crew.Storage;
using Crew.Tenancy.Members;
using Microsoft.EntityFrameworkCore;

namespace Crew.Tenancy.Contracts;

/// <summary>Enters and changes people, inside a transaction of <see cref="SystemJob.People"/>.</summary>
public sealed class PeopleRegister
{
    private readonly Lazy<StoredKeys> _keys;
    private readonly TimeProvider _clock;

    internal PeopleRegister(Lazy<StoredKeys> keys, TimeProvider clock) => (_keys, _clock) = (keys, clock);

    /// <summary>What is wrong with an address, as far as its form tells.</summary>
    public static Fault? Check(string? email) => email is not null && Emails.IsValid(email)
        ? null
        : Faults.Invalid("email", "This is not an e-mail address. Write it as name@example.com.");

    /// <summary>The keyed hash by which an address is found again, whatever the case it is written in.</summary>
    public string HashOf(string email) => UserSeal.EmailHash(_keys.Value.Ring, email);

    /// <summary>Id of the person with an address, or null.</summary>
    public async Task<string?> FindIdAsync(Db db, string email)
    {
        var hash = HashOf(email);
        return await db.Set<User>().Where(u => u.EmailHash == hash).Select(u => u.Id).SingleOrDefaultAsync();
    }

    /// <summary>Enters a person whose address nobody has yet.</summary>
    public string Add(Db db, string email, string? name, bool isVerified)
    {
        var now = _clock.GetUtcNow();
        var id = Id.New(IdPrefix.User, now);
        db.Add(new User
        {
            Id = id,
            EmailHash = HashOf(email),
            EmailSealed = UserSeal.SealEmail(_keys.Value.Ring, id, email),
            NameSealed = UserSeal.SealName(_keys.Value.Ring, id, name),
            EmailVerifiedAt = isVerified ? now : null,
            CreatedAt = now,
        });
        return id;
    }

    /// <summary>A mail to the address was answered; true the first time.</summary>
    public async Task<bool> VerifyAsync(Db db, string userId)
    {
        var user = await db.Set<User>().SingleAsync(u => u.Id == userId);
        var isFirst = user.EmailVerifiedAt is null;
        user.EmailVerifiedAt ??= _clock.GetUtcNow();
        Changed(db, user);
        return isFirst;
    }

    public async Task RenameAsync(Db db, string userId, string? name)
    {
        var user = await db.Set<User>().SingleAsync(u => u.Id == userId);
        user.NameSealed = UserSeal.SealName(_keys.Value.Ring, userId, name);
        Changed(db, user);
    }

    /// <summary>Gives a person another address, which a mail to it has verified. Refuses one that somebody else has.</summary>
    public async Task<Fault?> MoveAsync(Db db, string userId, string email)
    {
        var hash = HashOf(email);
        if (await db.Set<User>().AnyAsync(u => u.EmailHash == hash && u.Id != userId))
        {
            return Faults.Invalid("email", "This address cannot be used. Choose another one.");
        }

        var user = await db.Set<User>().SingleAsync(u => u.Id == userId);
        (user.EmailHash, user.EmailSealed, user.EmailVerifiedAt) = (hash, UserSeal.SealEmail(_keys.Value.Ring, userId, email), _clock.GetUtcNow());
        Changed(db, user);
        return null;
    }

    private static void Changed(Db db, User user)
    {
        user.Version++;
        db.Touch(PeopleDirectory.FeedTopic, user.Id);
    }
}
