namespace Crew.Storage;

/// <summary>What one module removes when its retention is over. Runs on the node that leads <see cref="Duty.Upkeep"/>.</summary>
public interface IExpiry
{
    /// <summary>Removes what is over, in steps of the run. May be broken off after any step; the next run goes on.</summary>
    Task RunAsync(ExpiryRun run, CancellationToken cancel);
}
