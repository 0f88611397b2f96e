using Crew.Storage;

namespace Crew.Http;

/// <summary>What one step over the rows of rate limits came to.</summary>
/// <param name="Last">The last subject that was looked at; null behind the last row.</param>
internal sealed record RateSweep(int Removed, string? Last);

/// <summary>
/// Removes the rows of rate limits that say nothing any more: after a minute of silence a subject has its whole limit and burst again,
/// as one without a row.
/// </summary>
internal sealed class RateExpiry : IExpiry
{
    private const int KeepMinutes = 10;

    public async Task RunAsync(ExpiryRun run, CancellationToken cancel)
    {
        if (run.Store.Dialect == "sqlite")
        {
            return;
        }

        var before = (run.Now.ToUnixTimeSeconds() / RateWindow.WindowSeconds) - KeepMinutes;
        for (string? after = ""; after is not null;)
        {
            cancel.ThrowIfCancellationRequested();
            var from = after;
            var sweep = await run.SweepAsync(async db =>
            {
                var step = await RateAppend.RemoveAsync(db, from, before, ExpiryRun.StepRows, cancel);
                return (step, step.Removed);
            }, cancel);
            after = sweep.Last;
        }

        await run.SweepAsync(async db =>
        {
            var removed = await SlotAppend.RemoveAsync(db, ExpiryRun.StepRows, cancel);
            return (removed, removed);
        }, cancel);
    }
}
