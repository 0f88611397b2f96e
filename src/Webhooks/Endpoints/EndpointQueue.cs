using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Webhooks.Endpoints;

/// <summary>
/// The queue of one endpoint: when it wants a worker, which node holds it, and how the endpoint answers. It stands beside the endpoint
/// because workers change it all the time, and people change the endpoint.
/// </summary>
internal sealed class EndpointQueue : IWorkspaceOwned
{
    public const string TableName = "webhooks_queues";

    /// <summary>Deliveries go out as they come, several at a time.</summary>
    public const string Well = "well";

    /// <summary>A delivery has failed for good: one attempt each hour until one succeeds.</summary>
    public const string Failing = "failing";

    /// <summary>What was missed goes out in order, one at a time.</summary>
    public const string CatchingUp = "catching_up";

    public required string EndpointId { get; init; }

    public required string OrganizationId { get; init; }

    public required string WorkspaceId { get; init; }

    public string Health { get; set; } = Well;

    public DateTimeOffset? FailingSince { get; set; }

    /// <summary>When a worker should look; null while nothing waits.</summary>
    public DateTimeOffset? DueAt { get; set; }

    /// <summary>Until when the node in <see cref="Holder"/> has it to itself.</summary>
    public DateTimeOffset HeldUntil { get; set; } = DateTimeOffset.UnixEpoch;

    public string Holder { get; set; } = "";

    /// <summary>Counts the nudges, so that one that comes while a worker lets go is not lost.</summary>
    public long Kicks { get; set; }

    public static void Map(ModelBuilder model) => model.Entity<EndpointQueue>(queue =>
    {
        queue.ToTable(TableName);
        queue.HasKey(q => q.EndpointId);
        queue.HasIndex(q => q.DueAt).HasDatabaseName("webhooks_queues_due");
        queue.HasOne<WebhookEndpoint>().WithOne().HasForeignKey<EndpointQueue>(q => q.EndpointId).OnDelete(DeleteBehavior.Cascade);
    });
}
