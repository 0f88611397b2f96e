using Crew.Kernel;
using Crew.Storage;
using Crew.Webhooks.Endpoints;
using Microsoft.EntityFrameworkCore;

namespace Crew.Webhooks.Delivery;

/// <summary>What deliveries decide about an endpoint as a whole; each is an event that its workspace hears.</summary>
internal sealed class EndpointFate(Store store)
{
    /// <summary>A delivery has failed for good: from now on one attempt each hour.</summary>
    public Task<bool> FailAsync(EndpointView endpoint, DateTimeOffset now) => ChangeAsync(endpoint, async (db, row) =>
    {
        await QueueSchema.SetHealthAsync(db, row.Id, EndpointQueue.Failing, now.ToUnixTimeMilliseconds());
        db.Raise(EndpointAccess.Happened(row, "webhook.failing") with { Outcome = "failure", Reason = "attempts_exhausted" });
    });

    public Task<bool> RecoverAsync(EndpointView endpoint) => ChangeAsync(endpoint, async (db, row) =>
    {
        await QueueSchema.SetHealthAsync(db, row.Id, EndpointQueue.CatchingUp, null);
        db.Raise(EndpointAccess.Happened(row, "webhook.recovered"));
    });

    /// <summary>Ends it: nothing is kept for it any more, and what waits counts as failed.</summary>
    /// <param name="reason"><c>gone</c> (410) or <c>failing</c> (five days without an answer).</param>
    public Task<bool> DisableAsync(EndpointView endpoint, string reason, DateTimeOffset now) => ChangeAsync(endpoint, async (db, row) =>
    {
        Set(db, row, WebhookEndpoint.Disabled, reason, now);
        await QueueSchema.CloseAsync(db, row.Id);
        await QueueSchema.SetHealthAsync(db, row.Id, EndpointQueue.Well, null);
        db.Raise(EndpointAccess.Happened(row, "webhook.disabled", new FieldChange("status", WebhookEndpoint.Active, WebhookEndpoint.Disabled))
            with { Outcome = "failure", Reason = reason });
    });

    /// <summary>Whoever made it is gone, so nobody's rights bound it: it waits for somebody who sets it active.</summary>
    public Task<bool> PauseAsync(EndpointView endpoint, DateTimeOffset now) => ChangeAsync(endpoint, (db, row) =>
    {
        Set(db, row, WebhookEndpoint.Paused, "creator_gone", now);
        db.Raise(EndpointAccess.Happened(row, "webhook.paused", new FieldChange("status", WebhookEndpoint.Active, WebhookEndpoint.Paused))
            with { Reason = "creator_gone" });
        return Task.CompletedTask;
    });

    private static void Set(Db db, WebhookEndpoint row, string status, string reason, DateTimeOffset now)
    {
        (row.Status, row.StatusReason, row.UpdatedAt) = (status, reason, now);
        row.Version++;
        db.Touch(EndpointDirectory.FeedTopic, row.Id);
    }

    /// <summary>Whether it was written. An endpoint that is gone or no longer active has nothing to decide.</summary>
    private async Task<bool> ChangeAsync(EndpointView endpoint, Func<Db, WebhookEndpoint, Task> work) =>
        (await store.ChangeAsync<bool>(endpoint.Tenant, Origin.System, async db =>
        {
            if (await db.Set<WebhookEndpoint>().SingleOrDefaultAsync(e => e.Id == endpoint.Id && e.Status == WebhookEndpoint.Active) is { } row)
            {
                await work(db, row);
            }

            return true;
        })).Fault is null;
}
