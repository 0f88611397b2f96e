using Crew.Gateway.Providers;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;

namespace Crew.Gateway.Routing;

/// <summary>
/// Writes a target that billed beyond its output cap into its provider's record, and tells every node, so that none of them needs to pay to
/// learn it again, now or after a restart.
/// </summary>
internal sealed class CapWatch(Lazy<Store> store, ProviderPool pool, TimeProvider clock) : BackgroundService
{
    /// <summary>Subjects are ids of providers and their names of models, with a space between.</summary>
    public const string FeedTopic = "gateway_caps";

    private const int RetryMilliseconds = 500;

    public static void Hear(ProviderPool pool, IEnumerable<string> subjects)
    {
        foreach (var subject in subjects)
        {
            var at = subject.IndexOf(' ', StringComparison.Ordinal);
            pool.HealthOf(subject[..at], subject[(at + 1)..]).Cap.Hear();
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await foreach (var (provider, model) in pool.Broken.ReadAllAsync(stoppingToken))
            {
                while (!await IsToldAsync(provider, model, stoppingToken))
                {
                    await Task.Delay(TimeSpan.FromMilliseconds(RetryMilliseconds), clock, stoppingToken);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }

    private async Task<bool> IsToldAsync(string providerId, string model, CancellationToken cancel)
    {
        try
        {
            var told = await store.Value.ChangeAsync<bool>(SystemJob.HotState, Origin.System, async db =>
            {
                // Its version stays: this is no change of what its owner says, and must not undo one that comes at the same moment.
                if (await db.Set<Provider>().SingleOrDefaultAsync(p => p.Id == providerId) is { } provider && provider.BrokenCaps?.Contains(model) != true)
                {
                    provider.BrokenCaps = [.. provider.BrokenCaps ?? [], model];
                    db.Touch(FeedTopic, $"{providerId} {model}");
                }

                return true;
            }, cancel);
            return told.Fault is null;
        }
        catch (StorageUnavailableException)
        {
            return false;
        }
    }
}
