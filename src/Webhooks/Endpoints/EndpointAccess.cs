using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Webhooks.Endpoints;

/// <summary>Which endpoints a credential sees: all of its workspace, or those of the crews that it sees.</summary>
internal static class EndpointAccess
{
    public const string Read = "webhooks:read";
    public const string Write = "webhooks:write";

    public static IQueryable<WebhookEndpoint> Visible(Db db, Call call)
    {
        if (call.Caller.SeesWorkspaceLevel)
        {
            return db.Set<WebhookEndpoint>();
        }

        var crews = call.Workspace.Crews.Where(c => call.Caller.Sees(c.Key, c.Value)).Select(c => c.Key).ToList();
        return db.Set<WebhookEndpoint>().Where(e => e.CrewId != null && crews.Contains(e.CrewId));
    }

    public static async Task<WebhookEndpoint?> FindAsync(Db db, string id, Call call) =>
        Id.IsValid(id, IdPrefix.Webhook) ? await Visible(db, call).SingleOrDefaultAsync(e => e.Id == id) : null;

    public static Event Happened(WebhookEndpoint endpoint, string type, params FieldChange[] changes) =>
        new(type, new Resource("webhook", endpoint.Id, endpoint.Description.Length > 0 ? endpoint.Description : null))
        {
            Tenant = endpoint.Tenant,
            CrewId = endpoint.CrewId,
            Changes = changes,
        };

    /// <summary>What may be told of an address in records: a path may hold a token of the receiver.</summary>
    public static string HostOf(string url) => new Uri(url).GetLeftPart(UriPartial.Authority);
}
