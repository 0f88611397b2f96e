using Crew.Storage;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Crew.Http;

/// <summary>Takes part in the election as long as the server runs, and says in metrics and log what this node leads.</summary>
internal sealed partial class ElectionLoop(Election election, Metrics metrics, TimeProvider clock, ILogger<ElectionLoop> log) : BackgroundService
{
    private const int LookMilliseconds = 1_000;

    protected override Task ExecuteAsync(CancellationToken stoppingToken)
    {
        foreach (var duty in Duty.All)
        {
            metrics.Gauge($"crew_leader{{duty=\"{duty.Name}\"}}", "1 while this node does the work that one node does at a time.", () => election.Leads(duty) ? 1 : 0);
        }

        return Task.WhenAll(election.RunAsync(stoppingToken), TellAsync(stoppingToken));
    }

    private async Task TellAsync(CancellationToken stop)
    {
        var led = new HashSet<Duty>();
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(LookMilliseconds), clock);
        try
        {
            do
            {
                foreach (var duty in Duty.All)
                {
                    if (election.Leads(duty) ? led.Add(duty) : led.Remove(duty))
                    {
                        Changed(log, led.Contains(duty) ? "leads" : "no longer leads", duty.Name);
                    }
                }
            }
            while (await timer.WaitForNextTickAsync(stop));
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }

    [LoggerMessage(1, LogLevel.Information, "This node {Change} {Duty}.")]
    private static partial void Changed(ILogger log, string change, string duty);
}
