using Crew.Storage;
using Microsoft.Extensions.Hosting;

namespace Crew.Gateway.Calls;

/// <summary>
/// Ends streams on a node that has been without its database for so long that what it knows of their keys counts for nothing any more: a
/// revoke that other nodes have answered cannot be heard here. A short outage passes them by. A process that stood still gets the time
/// to look again, because it is looks that are counted.
/// </summary>
internal sealed class CutOffWatch(Lazy<Store> store, TimeProvider clock) : BackgroundService
{
    /// <summary>How long a stream goes on after the node's lease has run out; as long as budgets may be spent from leases.</summary>
    public const int MaximumSeconds = 10;

    private const int LookMilliseconds = 500;

    private CancellationTokenSource _over = new();

    /// <summary>Ends when the streams that are open now have to end.</summary>
    public CancellationToken Over => Volatile.Read(ref _over).Token;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(LookMilliseconds), clock);
        var looks = 0;
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                looks = store.Value.Node.IsLive ? 0 : looks + 1;
                if (looks == MaximumSeconds * 1_000 / LookMilliseconds)
                {
                    // Not disposed: streams that begin to listen just now still hold its token.
                    await Interlocked.Exchange(ref _over, new CancellationTokenSource()).CancelAsync();
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }
}
