using Crew.Kernel;
using Crew.Storage;

namespace Crew.Spend;

/// <summary>Makes leases durable.</summary>
internal sealed class LeaseStore(Store store, TimeProvider clock)
{
    /// <summary>Extensions under way at the same time on PostgreSQL.</summary>
    private const int AtOnce = 4;

    /// <summary>
    /// Writes a batch. SQLite has one writer, so the batch is one transaction. On PostgreSQL each lease has its own: a
    /// transaction that holds the rows of two leases could meet a flush that settles them in the other order, and deadlock.
    /// </summary>
    public async Task WriteAsync(long epoch, IReadOnlyList<LeaseExtension> batch, CancellationToken cancel)
    {
        if (!IsShared)
        {
            await WriteOneAsync(epoch, batch, cancel);
            return;
        }

        var options = new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancel };
        await Parallel.ForEachAsync(batch, options, async (extension, stop) => await WriteOneAsync(epoch, [extension], stop));
    }

    /// <summary>Whether other processes may lease here too. An SQLite database has one, so nobody needs to hear that it lives.</summary>
    public bool IsShared => store.Dialect != "sqlite";

    /// <summary>Registers this process start.</summary>
    public async Task<Outcome<long>> BeginEpochAsync(CancellationToken cancel)
    {
        const int tries = 8;
        for (var attempt = 1; ; attempt++)
        {
            var begun = await store.ChangeAsync<long>(SystemJob.SpendLeases, Origin.System, db => EpochAppend.BeginAsync(db, Now), cancel);
            if (begun.Fault is null || begun.Fault.Status != 409 || attempt == tries)
            {
                return begun;
            }
        }
    }

    /// <summary>Says that this process lives, and closes the leases of processes that do not.</summary>
    /// <param name="deadAfterSeconds">Silence after which a process is dead; on SQLite there is only one, so every other one is.</param>
    public Task<Outcome<bool>> RenewAsync(long epoch, int deadAfterSeconds, CancellationToken cancel)
    {
        var deadBefore = IsShared ? Now - (deadAfterSeconds * 1_000L) : long.MaxValue;
        return store.ChangeAsync<bool>(SystemJob.SpendLeases, Origin.System, async db =>
        {
            await EpochAppend.RenewAsync(db, epoch, Now);
            return await LeaseAppend.CloseDeadAsync(db, epoch, deadBefore, Now);
        }, cancel);
    }

    public Task<Outcome<bool>> EndEpochAsync(long epoch, CancellationToken cancel) =>
        store.ChangeAsync<bool>(SystemJob.SpendLeases, Origin.System, db => EpochAppend.EndAsync(db, epoch, Now), cancel);

    private long Now => clock.GetUtcNow().ToUnixTimeMilliseconds();

    private async Task WriteOneAsync(long epoch, IReadOnlyList<LeaseExtension> batch, CancellationToken cancel)
    {
        CrashPoint.Pass(CrashPoints.LeaseBefore);
        var written = await store.ChangeAsync<bool>(
            SystemJob.SpendLeases, Origin.System, db => LeaseAppend.ExtendAsync(db, epoch, batch, Now), cancel);
        CrashPoint.Pass(CrashPoints.LeaseAfter);
        foreach (var extension in batch)
        {
            extension.IsDurable = written.Fault is null;
        }
    }
}
