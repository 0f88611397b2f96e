using Crew.Audit.Contracts;
using Crew.Http;
using Crew.Storage;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Crew.Audit;

/// <summary>Runs the sequencer: a look every fifth of a second, and step after step while there is a backlog.</summary>
internal sealed partial class SequencerLoop(
    Sequencer sequencer, Election election, Metrics metrics, AuditOptions options, TimeProvider clock, ILogger<SequencerLoop> log) : BackgroundService
{
    private long _sequenced;
    private long _failures;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        metrics.Gauge("crew_audit_sequenced", "Audit records that this node has given their sequence since it started.", () => Volatile.Read(ref _sequenced));
        metrics.Gauge("crew_audit_sequencer_failures", "Steps of the audit sequencer that failed since this node started.", () => Volatile.Read(ref _failures));
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(options.SequencerPollMilliseconds), clock);
        try
        {
            do
            {
                await CatchUpAsync(stoppingToken);
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException)
        {
            // Stopping: what has no sequence yet gets it after the next start.
        }
    }

    private async Task CatchUpAsync(CancellationToken cancel)
    {
        if (!election.Leads(Duty.AuditSequence))
        {
            return;
        }

        try
        {
            int done;
            do
            {
                var step = await sequencer.StepAsync(Sequencer.StepRecords, cancel);
                if (step.Failed(out var fault))
                {
                    Failed(log, fault.Code);
                    Interlocked.Increment(ref _failures);
                    return;
                }

                done = step.Value;
                Interlocked.Add(ref _sequenced, done);
            }
            while (done == Sequencer.StepRecords);
        }
        catch (NotLeadingException)
        {
            // Another node has taken over and goes on where the last step ended.
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            // The type only: a message of the database may hold values. The next tick tries again.
            Failed(log, error.GetType().FullName ?? "?");
            Interlocked.Increment(ref _failures);
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "The audit sequencer could not do its step ({Reason}); it tries again.")]
    private static partial void Failed(ILogger log, string reason);
}
