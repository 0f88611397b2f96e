using Crew.Storage;
using Microsoft.Extensions.Hosting;

namespace Crew.Http;

/// <summary>
/// Asks the database twice a second whether it answers, so that a request need not find out by itself. While it does not, requests wait
/// at the way in for up to two seconds and are then refused, before anything is sent to a provider that would have to be paid.
/// </summary>
public sealed class DatabaseWatch(Store store, Conditions conditions, Metrics metrics, TimeProvider clock) : BackgroundService
{
    /// <summary>Longest wait of a request for the database.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private const string Name = "database";
    private const int PeriodMilliseconds = 500;
    private const int SlowMilliseconds = 750;
    private const int PausedMilliseconds = 1_500;

    /// <summary>With more than this waiting for a thread it is this process that is busy, and the answer may have come long ago.</summary>
    private const int BusyWorkItems = 64;
    private volatile TaskCompletionSource? _away;
    private long _latencyTicks;

    /// <summary>Waits until the database answers, as long as a request may; at once while all is well. False: it does not.</summary>
    internal async ValueTask<bool> IsThereAsync(CancellationToken cancel)
    {
        if (_away is not { } away)
        {
            return true;
        }

        try
        {
            await away.Task.WaitAsync(Patience, clock, cancel);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        metrics.Gauge("crew_database_latency_seconds", "Time of the last round trip to the database.", () => TimeSpan.FromTicks(Volatile.Read(ref _latencyTicks)).TotalSeconds);
        metrics.Gauge("crew_commits", "Commits of the shared flush since this node started.", () => store.Committer.Commits);
        metrics.Gauge("crew_commits_failed", "Commits of the shared flush that failed since this node started.", () => store.Committer.Failures);
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(PeriodMilliseconds), clock);
        try
        {
            do
            {
                await LookAsync(stoppingToken);
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }

    private async Task LookAsync(CancellationToken stop)
    {
        var asked = clock.GetTimestamp();
        var answer = store.IsReachableAsync(stop);
        while (!answer.IsCompleted)
        {
            var commits = store.Committer.Commits;
            try
            {
                await answer.WaitAsync(TimeSpan.FromMilliseconds(PausedMilliseconds), clock, stop);
            }
            catch (TimeoutException) when (store.Committer.Commits != commits)
            {
                // Busy: commits come to their end meanwhile.
            }
            catch (TimeoutException)
            {
                if (!answer.IsCompleted && ThreadPool.PendingWorkItemCount < BusyWorkItems)
                {
                    Away("paused", "The database does not answer. Requests under way go on; new ones wait two seconds and are refused.");
                }
            }
        }

        var isThere = await answer;
        var took = clock.GetElapsedTime(asked);
        Volatile.Write(ref _latencyTicks, took.Ticks);
        if (!isThere)
        {
            Away("gone", "The database cannot be reached, or takes no writes. Requests are refused until it does.");
            return;
        }

        Interlocked.Exchange(ref _away, null)?.TrySetResult();
        conditions.Set(store.Committer.IsOutOfRoom
            ? new Condition(Name, "full", ConditionLevel.Degraded, "The database has no room left on its disk. Requests whose record cannot be written are refused: make room there.")
            : store.Committer.IsFailing
            ? new Condition(Name, "unwritable", ConditionLevel.Degraded, "The last commit failed. Requests whose record cannot be written are refused.")
            : took.TotalMilliseconds > SlowMilliseconds
                ? new Condition(Name, "slow", ConditionLevel.Degraded, $"A round trip took {(int)took.TotalMilliseconds} ms.")
                : new Condition(Name, "ok", ConditionLevel.Fine, "The database answers."));
    }

    private void Away(string state, string message)
    {
        _away ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        conditions.Set(new Condition(Name, state, ConditionLevel.Failing, message));
    }
}
