using Crew.Kernel;
using Microsoft.EntityFrameworkCore;

namespace Crew.Storage;

/// <summary>What the database remembers of the clock that ages are counted by.</summary>
/// <param name="TrustedAt">The time up to which it is trusted, in milliseconds since 1970.</param>
/// <param name="HeldMs">For how long it has run on since it jumped ahead of that, by monotonic clocks.</param>
internal sealed record ClockMark(long TrustedAt, long HeldMs);

/// <summary>The moment that ages are counted from.</summary>
/// <param name="AheadOf">Set while the clock is not believed: the time that it had when it was last trusted.</param>
public sealed record RetentionMoment(DateTimeOffset Now, DateTimeOffset? AheadOf);

/// <summary>What a person is told of the clock that ages are counted by.</summary>
/// <param name="Now">What it shows.</param>
/// <param name="TrustedAt">The time up to which it was trusted before; null where no upkeep ran yet.</param>
public sealed record ClockReading(DateTimeOffset Now, DateTimeOffset? TrustedAt)
{
    /// <summary>Whether ages are not counted by it, until it has run on for a day or somebody confirms it.</summary>
    public bool IsSuspect => TrustedAt is { } trusted && Now - trusted > RetentionClock.MostAhead;
}

/// <summary>
/// The clock that expiry goes by. A wall clock that is set a year ahead would expire a year of rows for good. So one that is further ahead
/// of the last upkeep than a day is not believed at once: until it has run on for a day, ages are counted from the last trusted time, and
/// what has really passed since.
/// </summary>
public static class RetentionClock
{
    /// <summary>A server that was off for longer than this begins as one whose clock has jumped: what it keeps too long, it keeps for a day.</summary>
    public static readonly TimeSpan MostAhead = TimeSpan.FromDays(1);

    /// <summary>How far the clock may be from the time of a person who confirms it.</summary>
    public static readonly TimeSpan MostApart = TimeSpan.FromMinutes(5);

    /// <summary>How long the clock must run on before it is believed again.</summary>
    public static readonly TimeSpan BelievedAfter = TimeSpan.FromDays(1);

    /// <summary>Looks at the clock and remembers it.</summary>
    /// <param name="now">What the clock shows.</param>
    /// <param name="elapsed">What has passed by the monotonic clock since this process looked last, doing the upkeep all the time; else zero.</param>
    /// <exception cref="StorageUnavailableException">It could not be written.</exception>
    public static Task<RetentionMoment> LookAsync(Store store, Election? election, DateTimeOffset now, TimeSpan elapsed, CancellationToken cancel) =>
        new ExpiryRun(store, election, [], now).ChangeAsync(async db =>
    {
        var wall = now.ToUnixTimeMilliseconds();
        var next = Judge(await MarkAsync(db, cancel), wall, (long)elapsed.TotalMilliseconds);
        await RememberAsync(db, next, cancel);
        return MomentOf(next, wall);
    }, cancel);

    /// <summary>What the clock shows and up to when it was trusted; changes nothing.</summary>
    /// <exception cref="StorageUnavailableException">The database did not answer.</exception>
    public static Task<ClockReading> ReadAsync(Store store, CancellationToken cancel) =>
        store.ReadAsync(SystemJob.OperatorCommand, db => ReadAsync(db, store, cancel), cancel);

    /// <summary>
    /// Believes the clock from here on, because a person says that it is right. Their own time goes with it: a clock that is wrong is not to be
    /// confirmed by habit, because what expires by it is gone for good.
    /// </summary>
    /// <param name="store">The database.</param>
    /// <param name="origin">The person.</param>
    /// <param name="time">What it is by another clock.</param>
    public static Task<Outcome<ClockReading>> ConfirmAsync(Store store, Origin origin, DateTimeOffset time, CancellationToken cancel) =>
        store.ChangeAsync<ClockReading>(SystemJob.OperatorCommand, origin, async db =>
        {
            var read = await ReadAsync(db, store, cancel);
            if ((read.Now - time).Duration() > MostApart)
            {
                return Faults.Invalid("time", $"The clock says {read.Now:yyyy-MM-ddTHH:mm:ssZ}, which is more than {MostApart.TotalMinutes:0} minutes from the time that was given. "
                    + "If the clock is wrong, set it right; nothing is to be confirmed then. Nothing was changed.");
            }

            if (read.IsSuspect)
            {
                await RememberAsync(db, new ClockMark(read.Now.ToUnixTimeMilliseconds(), 0), cancel);
                db.Raise(new Event("operator.clock.confirmed") { Log = EventLog.Installation, Changes = [new FieldChange("trusted_at", read.TrustedAt, read.Now)] });
            }

            return read;
        }, cancel);

    /// <summary>What to remember when the wall clock shows a time.</summary>
    internal static ClockMark Judge(ClockMark? mark, long wall, long elapsed)
    {
        if (mark is null || wall - mark.TrustedAt <= (long)MostAhead.TotalMilliseconds)
        {
            return new ClockMark(wall, 0);
        }

        var held = mark.HeldMs + elapsed;
        return held >= (long)BelievedAfter.TotalMilliseconds ? new ClockMark(wall, 0) : mark with { HeldMs = held };
    }

    /// <summary>The moment that follows from it.</summary>
    internal static RetentionMoment MomentOf(ClockMark mark, long wall)
    {
        var trusted = DateTimeOffset.FromUnixTimeMilliseconds(mark.TrustedAt);
        return mark.TrustedAt == wall ? new RetentionMoment(trusted, null) : new RetentionMoment(trusted.AddMilliseconds(mark.HeldMs), trusted);
    }

    /// <summary>What <c>crew doctor</c> says; nothing where no upkeep ran yet.</summary>
    internal static IEnumerable<StoreFinding> Examine(long? trustedAt, DateTimeOffset now)
    {
        const string name = "retention_clock";
        if (trustedAt is { } at)
        {
            var trusted = DateTimeOffset.FromUnixTimeMilliseconds(at);
            yield return now - trusted <= MostAhead
                ? new StoreFinding(name, FindingLevel.Ok, "Ages are counted by the clock.")
                : new StoreFinding(name, FindingLevel.Warning,
                    $"The clock says {now:yyyy-MM-dd HH:mm}Z, more than a day ahead of the last upkeep that it was trusted for ({trusted:yyyy-MM-dd HH:mm}Z). "
                    + "Ages are counted from then until it has run on for a day.",
                    "If no server ran since then, nothing is to be done. If the clock is right, crew clock confirm says so at once. "
                    + "Else set it right before that day is over: what expires is gone for good.");
        }
    }

    private static async Task<ClockReading> ReadAsync(Db db, Store store, CancellationToken cancel)
    {
        const string asked = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS \"Value\"";
        var now = store.Dialect == "postgres" ? (await db.Database.SqlQueryRaw<long>(asked).ToListAsync(cancel)).Single() : store.Clock.GetUtcNow().ToUnixTimeMilliseconds();
        var mark = await MarkAsync(db, cancel);
        return new ClockReading(DateTimeOffset.FromUnixTimeMilliseconds(now), mark is null ? null : DateTimeOffset.FromUnixTimeMilliseconds(mark.TrustedAt));
    }

    private static Task<int> RememberAsync(Db db, ClockMark mark, CancellationToken cancel) => db.Database.ExecuteSqlAsync($"""
        INSERT INTO storage_clock (id, trusted_at, held_ms) VALUES (1, {mark.TrustedAt}, {mark.HeldMs})
        ON CONFLICT (id) DO UPDATE SET trusted_at = excluded.trusted_at, held_ms = excluded.held_ms
        """, cancel);

    /// <summary>The mark; before the first one the latest change tells what time it was.</summary>
    private static async Task<ClockMark?> MarkAsync(Db db, CancellationToken cancel) =>
        (await db.Database.SqlQueryRaw<ClockMark>("SELECT trusted_at AS \"TrustedAt\", held_ms AS \"HeldMs\" FROM storage_clock").ToListAsync(cancel)).SingleOrDefault()
        ?? (await db.Database.SqlQueryRaw<ClockMark>(
            "SELECT at AS \"TrustedAt\", 0 AS \"HeldMs\" FROM storage_changes ORDER BY version DESC LIMIT 1").ToListAsync(cancel)).SingleOrDefault();
}
