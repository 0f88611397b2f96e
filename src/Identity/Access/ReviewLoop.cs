using Crew.Storage;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Crew.Identity.Access;

/// <summary>Runs the reviews when this node begins to lead the upkeep, and every hour after that.</summary>
internal sealed partial class ReviewLoop(ReviewMaker maker, Store store, Election election, TimeProvider clock, ILogger<ReviewLoop> log) : BackgroundService
{
    private const int LookSeconds = 5;
    private const int PeriodMinutes = 60;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(LookSeconds), clock);
        long? ran = null;
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                if (!election.Leads(Duty.Upkeep))
                {
                    ran = null;
                }
                else if (ran is not { } last || clock.GetElapsedTime(last).TotalMinutes >= PeriodMinutes)
                {
                    ran = clock.GetTimestamp();
                    await RunAsync(stoppingToken);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping: the next start goes on where this one was.
        }
    }

    private async Task RunAsync(CancellationToken cancel)
    {
        try
        {
            await maker.RunAsync(store.Node.GetUtcNow(), cancel);
        }
        catch (NotLeadingException)
        {
            // Another node does it now.
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            // The type only: a message of the database may hold values.
            Failed(log, error.GetType().FullName ?? "?");
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "The access reviews stopped early ({Reason}); the next run goes on.")]
    private static partial void Failed(ILogger log, string reason);
}
