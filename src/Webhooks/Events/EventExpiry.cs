using Crew.Storage;

namespace Crew.Webhooks.Events;

/// <summary>Removes events and deliveries by <c>event_days</c> of their workspace. What still waits for a paused endpoint goes with its event.</summary>
internal sealed class EventExpiry : IExpiry
{
    public async Task RunAsync(ExpiryRun run, CancellationToken cancel)
    {
        foreach (var terms in run.Terms)
        {
            await run.TryAsync(() => run.RemoveAsync(terms.Tenant, "deliveries", t => t.EventDays,
                (db, before) => EventExpirySchema.RemoveDeliveriesAsync(db, terms.WorkspaceId, before, cancel), cancel));
            await run.TryAsync(() => run.RemoveAsync(terms.Tenant, "events", t => t.EventDays,
                (db, before) => EventExpirySchema.RemoveEventsAsync(db, terms.WorkspaceId, before, cancel), cancel));
        }
    }
}
