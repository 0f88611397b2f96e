using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Webhooks.Events;

/// <summary>The statements of retention.</summary>
internal static class EventExpirySchema
{
    public static Task<int> RemoveDeliveriesAsync(Db db, string workspaceId, long before, CancellationToken cancel) => db.Database.ExecuteSqlAsync($"""
        DELETE FROM webhooks_deliveries WHERE workspace_id = {workspaceId} AND id IN (
          SELECT id FROM webhooks_deliveries WHERE workspace_id = {workspaceId} AND at < {before} ORDER BY at LIMIT {ExpiryRun.StepRows})
        """, cancel);

    public static Task<int> RemoveEventsAsync(Db db, string workspaceId, long before, CancellationToken cancel) => db.Database.ExecuteSqlAsync($"""
        DELETE FROM webhooks_events WHERE workspace_id = {workspaceId} AND id IN (
          SELECT id FROM webhooks_events WHERE workspace_id = {workspaceId} AND at < {before} ORDER BY at LIMIT {ExpiryRun.StepRows})
        """, cancel);
}
