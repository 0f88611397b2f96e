using Crew.Storage;
using Microsoft.Extensions.Hosting;

namespace Crew.Identity.Tokens;

/// <summary>Sees to it every ten minutes, on every node, that the next signing key is there in time.</summary>
internal sealed class SigningKeyLoop(SigningKeys keys, TimeProvider clock) : BackgroundService
{
    private const int PeriodMinutes = 10;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMinutes(PeriodMinutes), clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                try
                {
                    await keys.RotateAsync(stoppingToken);
                }
                catch (StorageUnavailableException)
                {
                    // The active key goes on; the next tick tries again.
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }
}
