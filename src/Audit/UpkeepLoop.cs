using Crew.Audit.Contracts;
using Crew.Kernel;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Crew.Audit;

/// <summary>Runs the upkeep at start and every few hours.</summary>
internal sealed partial class UpkeepLoop(Upkeep upkeep, AuditOptions options, TimeProvider clock, ILogger<UpkeepLoop> log) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromHours(options.UpkeepHours), clock);
        try
        {
            do
            {
                await TryAsync(async () => (await upkeep.MakePartitionsAsync(stoppingToken)).Fault);
                await TryAsync(async () => (await upkeep.ExpireAsync(stoppingToken)).Fault);
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException)
        {
            // Stopping between two steps: the next run goes on.
        }
    }

    private async Task TryAsync(Func<Task<Fault?>> work)
    {
        try
        {
            if (await work() is { } fault)
            {
                Failed(log, fault.Code);
            }
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            Failed(log, error.GetType().FullName ?? "?");
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "The upkeep of the audit log stopped early ({Reason}); the next run goes on.")]
    private static partial void Failed(ILogger log, string reason);
}
