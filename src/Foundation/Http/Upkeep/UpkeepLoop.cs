using Crew.Kernel;
using Crew.Storage;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Crew.Http;

/// <summary>
/// The upkeep of the database, on the one node that leads it: day partitions ahead, then everything that has a retention, then the
/// receipts. It runs when this node begins to lead, every hour, and more often while the disk is full or the clock is not believed.
/// </summary>
internal sealed partial class UpkeepLoop(
    Store store, Election election, IWorkspaceDirectory workspaces, IEnumerable<IExpiry> kinds, DiskWatch disk, Conditions conditions, Metrics metrics, UpkeepOptions options,
    TimeProvider clock, ILogger<UpkeepLoop> log) : BackgroundService
{
    private const int LookSeconds = 1;
    private long _removed;
    private long _moved;
    private long _failures;
    private long _ranAt;
    private bool _isHeld;

    /// <summary>One run. What fails leaves the rest to the next run, after the receipts for what was removed.</summary>
    /// <param name="elapsed">What has passed since the last one, if this node has done the upkeep since; else zero.</param>
    internal async Task RunAsync(TimeSpan elapsed, CancellationToken cancel)
    {
        var moment = await RetentionClock.LookAsync(store, election, store.Node.GetUtcNow(), elapsed, cancel);
        _isHeld = moment.AheadOf is not null;
        conditions.Set(ConditionOf(moment));
        var run = await ExpiryRun.BeginAsync(store, election, workspaces, moment.Now, Note, cancel);
        await TryAsync(async () => Interlocked.Add(ref _moved, await DayPartitions.MakeAsync(run, options.PartitionsAheadDays, cancel)));
        foreach (var kind in kinds)
        {
            await TryAsync(() => kind.RunAsync(run, cancel));
        }

        Interlocked.Add(ref _removed, run.Removed);
        await TryAsync(() => run.ReportAsync(cancel));
        Volatile.Write(ref _ranAt, clock.GetUtcNow().ToUnixTimeSeconds());
    }

    private TimeSpan Period => disk.IsFull ? TimeSpan.FromSeconds(options.FullDiskSeconds)
        : _isHeld ? TimeSpan.FromSeconds(options.HeldClockSeconds)
        : TimeSpan.FromMinutes(options.PeriodMinutes);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        metrics.Gauge("crew_upkeep_removed_rows", "Rows that this node removed because their retention was over, since it started.", () => Volatile.Read(ref _removed));
        metrics.Gauge("crew_upkeep_moved_rows", "Rows that this node moved out of default partitions, since it started.", () => Volatile.Read(ref _moved));
        metrics.Gauge("crew_upkeep_failures", "Parts of upkeep runs that failed on this node, since it started.", () => Volatile.Read(ref _failures));
        metrics.Gauge("crew_upkeep_last_run_seconds", "When this node last did the upkeep, in seconds since 1970; 0 for never.", () => Volatile.Read(ref _ranAt));
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(LookSeconds), clock);
        long? ran = null;
        try
        {
            do
            {
                if (!election.Leads(Duty.Upkeep))
                {
                    ran = null;
                }
                else if (ran is not { } last || clock.GetElapsedTime(last) >= Period)
                {
                    var elapsed = ran is { } before ? clock.GetElapsedTime(before) : TimeSpan.Zero;
                    ran = clock.GetTimestamp();
                    await TryAsync(() => RunAsync(elapsed, stoppingToken));
                }
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException)
        {
            // Stopping between two steps: the next run goes on, and reports what this one removed.
        }
    }

    private static Condition ConditionOf(RetentionMoment moment) => moment.AheadOf is { } trusted
        ? new Condition("retention", "held", ConditionLevel.Degraded,
            $"The clock is more than a day ahead of the last upkeep ({trusted:yyyy-MM-dd HH:mm}Z). Until it has run on for a day, ages are counted from then. "
                + "If it is wrong, set it right; if it is right, crew clock confirm says so.")
        : new Condition("retention", "ok", ConditionLevel.Fine, "Ages are counted by the clock.");

    private async Task TryAsync(Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (NotLeadingException)
        {
            // Another node does it now.
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            Note(error);
        }
    }

    /// <summary>The type only: a message of the database may hold values.</summary>
    private void Note(Exception error)
    {
        Failed(log, error.GetType().FullName ?? "?");
        Interlocked.Increment(ref _failures);
    }

    [LoggerMessage(1, LogLevel.Warning, "A part of the upkeep stopped early ({Reason}); the next run goes on.")]
    private static partial void Failed(ILogger log, string reason);
}
