namespace Crew.Storage;

/// <summary>The bounded loop that follows changes made by other processes.</summary>
internal static class FeedPoll
{
    public static async Task RunAsync(ChangeFeed feed, int periodMilliseconds, TimeProvider clock, CancellationToken stop)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(periodMilliseconds), clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stop))
            {
                try
                {
                    await feed.CatchUpAsync(stop);
                }
                catch (StorageUnavailableException)
                {
                    // The database is away; the next tick tries again and readiness reports it.
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }
}
