using Crew.Gateway.Providers;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.Extensions.Hosting;

namespace Crew.Gateway.Routing;

/// <summary>Tells every node of a target that billed beyond its output cap, so that each of them need not pay to learn it.</summary>
internal sealed class CapWatch(Lazy<Store> store, ProviderPool pool, TimeProvider clock) : BackgroundService
{
    /// <summary>Subjects are ids of providers and their names of models, with a space between. The change is all there is to know: nothing is kept.</summary>
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
                while (!await IsToldAsync($"{provider} {model}", stoppingToken))
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

    private async Task<bool> IsToldAsync(string subject, CancellationToken cancel)
    {
        try
        {
            var told = await store.Value.ChangeAsync<bool>(SystemJob.HotState, Origin.System, db =>
            {
                db.Touch(FeedTopic, subject);
                return Task.FromResult<Outcome<bool>>(true);
            }, cancel);
            return told.Fault is null;
        }
        catch (StorageUnavailableException)
        {
            return false;
        }
    }
}
