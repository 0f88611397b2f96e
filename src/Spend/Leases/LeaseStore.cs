using System.Collections.Concurrent;
using Crew.Kernel;
using Crew.Storage;

namespace Crew.Spend;

/// <summary>What a report of life came to.</summary>
/// <param name="DatabaseMs">The database's clock; null when the epoch is over.</param>
/// <param name="Before">When it was asked, on the monotonic clock.</param>
/// <param name="After">When it answered.</param>
internal sealed record Renewal(long? DatabaseMs, long Before, long After, IReadOnlyList<OtherEpoch> Others);

/// <summary>What keeps the epoch of a process: the database, or what stands for it in the simulation of the protocol.</summary>
internal sealed record EpochDoor(
    bool IsShared, Func<CancellationToken, Task<Outcome<long>>> Begin, Func<long, CancellationToken, Task<Outcome<Renewal>>> Renew,
    Func<IReadOnlyList<OtherEpoch>, CancellationToken, Task<Outcome<bool>>> CloseDead);

/// <summary>Makes leases durable.</summary>
internal sealed class LeaseStore(Store store, TimeProvider clock)
{
    /// <summary>Extensions under way at the same time on PostgreSQL.</summary>
    private const int AtOnce = 4;

    private readonly ConcurrentDictionary<string, bool> _announced = new(StringComparer.Ordinal);

    /// <summary>Whether other processes may lease here too. An SQLite database has one, so nobody needs to hear that it lives.</summary>
    public bool IsShared => store.Dialect != "sqlite";

    public EpochDoor Epochs => new(IsShared, BeginEpochAsync, RenewAsync, CloseDeadAsync);

    /// <summary>
    /// Writes a batch. SQLite has one writer, so the batch is one transaction. On PostgreSQL each lease has its own: a
    /// transaction that holds the rows of two leases could meet a flush that settles them in the other order, and deadlock.
    /// </summary>
    public async Task WriteAsync(long epoch, IReadOnlyList<LeaseExtension> batch, Peers peers, CancellationToken cancel)
    {
        if (!IsShared)
        {
            await WriteOneAsync(epoch, batch, peers, cancel);
            return;
        }

        var options = new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancel };
        await Parallel.ForEachAsync(batch, options, async (extension, stop) => await WriteOneAsync(epoch, [extension], peers, stop));
    }

    /// <summary>
    /// Registers this process start. With patience: many nodes that start at once take their turns for one number after another, and
    /// a start that gave up would have to be made again by hand.
    /// </summary>
    private async Task<Outcome<long>> BeginEpochAsync(CancellationToken cancel)
    {
        const int tries = 40;
        const int pauseMilliseconds = 250;
        for (var attempt = 1; ; attempt++)
        {
            var begun = await store.ChangeAsync<long>(
                SystemJob.SpendEpochs, Origin.System, db => EpochAppend.BeginAsync(db, !IsShared, Now), cancel);
            if (begun.Fault is null || (begun.Fault.Status != 409 && begun.Fault != Faults.StorageUnavailable) || attempt == tries)
            {
                return begun;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(pauseMilliseconds)), clock, cancel);
        }
    }

    /// <summary>Says that this process lives, and hears who else does.</summary>
    private Task<Outcome<Renewal>> RenewAsync(long epoch, CancellationToken cancel) =>
        store.ChangeAsync<Renewal>(SystemJob.SpendLeases, Origin.System, async db =>
        {
            var before = clock.GetTimestamp();
            var renewed = await EpochAppend.RenewAsync(db, !IsShared, epoch, Now);
            var after = clock.GetTimestamp();
            return new Renewal(renewed, before, after, await EpochAppend.OthersAsync(db, epoch));
        }, cancel);

    /// <summary>Closes the leases of processes that have not reported since they were looked at.</summary>
    private Task<Outcome<bool>> CloseDeadAsync(IReadOnlyList<OtherEpoch> dead, CancellationToken cancel) => store.ChangeAsync<bool>(
        SystemJob.SpendLeases, Origin.System, db => LeaseAppend.CloseDeadAsync(db, !IsShared, dead, Now), cancel);

    public Task<Outcome<bool>> EndEpochAsync(long epoch, CancellationToken cancel) =>
        store.ChangeAsync<bool>(SystemJob.SpendLeases, Origin.System, db => EpochAppend.EndAsync(db, epoch, Now), cancel);

    /// <summary>The numbers of the last recalls of some budgets.</summary>
    public Task<Dictionary<string, long>> RecallsAsync(IReadOnlyList<string> budgetIds, CancellationToken cancel) =>
        store.ReadAsync(SystemJob.SpendLeases, db => LeaseAppend.RecallsAsync(db, budgetIds, cancel), cancel);

    private long Now => clock.GetUtcNow().ToUnixTimeMilliseconds();

    private async Task WriteOneAsync(long epoch, IReadOnlyList<LeaseExtension> batch, Peers peers, CancellationToken cancel)
    {
        CrashPoint.Pass(CrashPoints.LeaseBefore);
        var written = await store.ChangeAsync<bool>(
            SystemJob.SpendLeases, Origin.System, db => LeaseAppend.ExtendAsync(db, !IsShared, epoch, batch, peers, Now), cancel);
        CrashPoint.Pass(CrashPoints.LeaseAfter);
        foreach (var extension in batch)
        {
            extension.IsDurable = written.Fault is null;
            if (extension.IsDurable && extension.Verdict == RecallVerdict.Ask)
            {
                _ = AnnounceAsync(extension.Allowance.Terms.Id);
            }
        }
    }

    /// <summary>
    /// Tells the others, in a transaction of its own: a change waits until every node has followed it, and a dead one must not hold
    /// up the leases of the living. Who asks looks for answers in the rows anyway.
    /// </summary>
    private async Task AnnounceAsync(string budgetId)
    {
        if (!_announced.TryAdd(budgetId, true))
        {
            return;
        }

        try
        {
            await store.ChangeAsync<bool>(SystemJob.SpendLeases, Origin.System, db =>
            {
                // From here on another question needs another hint.
                _announced.TryRemove(budgetId, out _);
                db.Touch(LeaseAppend.RecallTopic, budgetId);
                return Task.FromResult<Outcome<bool>>(true);
            });
        }
        catch (StorageUnavailableException)
        {
            // Who asks looks for answers in the rows anyway.
        }
        finally
        {
            // Also where the transaction never began: or no hint of this budget would ever be sent again.
            _announced.TryRemove(budgetId, out _);
        }
    }
}
