using System.Text.Json;
using Crew.Identity.Accounts;
using Crew.Kernel;
using Crew.Mail;
using Crew.Storage;
using Crew.Tenancy.Contracts;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.Letters;

/// <summary>Puts letters into the transaction of what they tell of, and takes them out again to be sent. Without a mail server nothing is kept.</summary>
internal sealed class LetterQueue(SmtpSettings? settings, IdentitySeal seal, PeopleRegister register, IdentityOptions options, TimeProvider clock)
{
    private const string Table = "identity_letters";

    /// <summary>Letters that are kept, sent or not: whoever asks for more for others' addresses gets none.</summary>
    private const int MostKept = 5_000;

    /// <summary>Tries of a letter, the last more than half an hour after the first.</summary>
    private const int MostAttempts = 10;

    /// <summary>Letters taken out in one go.</summary>
    private const int StepLetters = 5;

    private const int KeptDays = 3;

    /// <summary>How often the same letter is sent to the same address, at most.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMinutes(1);

    /// <summary>After the first try that failed, doubled with each one.</summary>
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(2);

    /// <summary>For so long a letter is of the node that took it; should that die, another one sends it after this.</summary>
    private static readonly TimeSpan Claim = TimeSpan.FromMinutes(2);

    /// <summary>Whether there is a mail server.</summary>
    public bool IsConfigured => settings is not null;

    /// <summary>Tells a person what was changed about their account.</summary>
    public Task TellAsync(Db db, Person person, string what) => AddAsync(db, LetterKind.Notice, person.Id, new LetterContent(person.Email, what));

    /// <summary>Keeps a letter, in a transaction of <see cref="SystemJob.People"/>. The same a moment after is left out; that looks alike from outside.</summary>
    public async Task AddAsync(Db db, LetterKind kind, string? userId, LetterContent content)
    {
        if (!IsConfigured)
        {
            return;
        }

        var now = clock.GetUtcNow();
        var hash = register.HashOf(content.To);
        var since = now - Pause;
        if (await db.Set<QueuedLetter>().CountAsync() >= MostKept
            || (kind != LetterKind.Notice && await db.Set<QueuedLetter>().AnyAsync(l => l.AddressHash == hash && l.Kind == kind && l.CreatedAt > since)))
        {
            return;
        }

        var id = Id.New(IdPrefix.Letter, now);
        db.Add(new QueuedLetter
        {
            Id = id,
            Kind = kind,
            UserId = userId,
            AddressHash = hash,
            ContentSealed = seal.Seal(Table, "content_sealed", id, JsonSerializer.Serialize(content)),
            DueAt = now,
            CreatedAt = now,
            ExpiresAt = now.AddDays(KeptDays),
        });
    }

    /// <summary>Takes letters that are due; each is due again later, should this node not come to its end.</summary>
    public async Task<List<QueuedLetter>> TakeAsync(Db db)
    {
        var now = clock.GetUtcNow();
        var due = await db.Set<QueuedLetter>().Where(l => l.DueAt <= now).OrderBy(l => l.DueAt).Take(StepLetters).ToListAsync();
        foreach (var letter in due)
        {
            letter.DueAt = letter.Attempts++ < MostAttempts && letter.ExpiresAt > now ? now + Claim : null;
        }

        return [.. due.Where(l => l.DueAt is not null)];
    }

    /// <summary>A letter was not taken: it is tried again after a while, or given up.</summary>
    public async Task<bool> RetryAsync(Db db, string id)
    {
        if (await db.Set<QueuedLetter>().SingleOrDefaultAsync(l => l.Id == id) is { } letter)
        {
            letter.DueAt = letter.Attempts < MostAttempts ? clock.GetUtcNow() + (Retry * Math.Pow(2, letter.Attempts - 1)) : null;
        }

        return true;
    }

    /// <summary>A letter is sent, or will never be.</summary>
    public static async Task<bool> DoneAsync(Db db, string id)
    {
        if (await db.Set<QueuedLetter>().SingleOrDefaultAsync(l => l.Id == id) is { } letter)
        {
            letter.DueAt = null;
        }

        return true;
    }

    public LetterContent ContentOf(QueuedLetter letter) => JsonSerializer.Deserialize<LetterContent>(seal.Open(Table, "content_sealed", letter.Id, letter.ContentSealed)!)!;

    /// <summary>For how long the link of a letter is good.</summary>
    public TimeSpan LifeOf(LetterKind kind) => kind == LetterKind.AddressMoved ? TimeSpan.FromDays(options.UndoDays) : TimeSpan.FromMinutes(options.ResetMinutes);
}
