using Crew.Http;
using Crew.Storage;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Crew.Audit.Alerts;

/// <summary>Runs the desk and the post on the node that leads them: a look every second, and step after step while there is a backlog.</summary>
internal sealed partial class AlertLoop(AlertDesk desk, AlertPost post, Election election, Metrics metrics, TimeProvider clock, ILogger<AlertLoop> log) : BackgroundService
{
    private const int LookMilliseconds = 1_000;
    private long _failures;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        metrics.Gauge("crew_alert_failures", "Steps of the alerts that failed since this node started.", () => Volatile.Read(ref _failures));
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(LookMilliseconds), clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                if (election.Leads(Duty.Alerts))
                {
                    await WorkAsync(stoppingToken);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping: the mark says where the next start goes on.
        }
    }

    private async Task WorkAsync(CancellationToken cancel)
    {
        try
        {
            int done;
            do
            {
                var step = await desk.StepAsync(cancel);
                if (step.Failed(out var fault))
                {
                    Note(fault.Code);
                    return;
                }

                done = step.Value;
            }
            while (done == AlertDesk.StepRecords);
            await post.DeliverAsync(cancel);
        }
        catch (NotLeadingException)
        {
            // Another node has taken over and goes on where the last step ended.
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            // The type only: a message of the database may hold values. The next tick tries again.
            Note(error.GetType().FullName ?? "?");
        }
    }

    private void Note(string reason)
    {
        Failed(log, reason);
        Interlocked.Increment(ref _failures);
    }

    [LoggerMessage(1, LogLevel.Warning, "The alerts could not do their step ({Reason}); they try again.")]
    private static partial void Failed(ILogger log, string reason);
}
