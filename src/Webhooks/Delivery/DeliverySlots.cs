using System.Collections.Concurrent;

namespace Crew.Webhooks.Delivery;

/// <summary>How many attempts may be under way: in all, and for one workspace, so that no tenant takes the others' turn.</summary>
internal sealed class DeliverySlots(WebhookOptions options) : IDisposable
{
    private readonly SemaphoreSlim _all = new(options.MostAttempts);
    private readonly ConcurrentDictionary<string, SemaphoreSlim> _workspaces = new(StringComparer.Ordinal);

    /// <summary>Waits for a place; its workspace's first, so that whoever waits there holds none of the others'.</summary>
    public async Task<IDisposable> EnterAsync(string workspaceId, CancellationToken cancel)
    {
        var own = _workspaces.GetOrAdd(workspaceId, _ => new SemaphoreSlim(options.MostAttemptsPerWorkspace));
        await own.WaitAsync(cancel);
        try
        {
            await _all.WaitAsync(cancel);
        }
        catch
        {
            own.Release();
            throw;
        }

        return new Slot(own, _all);
    }

    public void Dispose() => _all.Dispose();

    private sealed class Slot(SemaphoreSlim own, SemaphoreSlim all) : IDisposable
    {
        public void Dispose()
        {
            all.Release();
            own.Release();
        }
    }
}
