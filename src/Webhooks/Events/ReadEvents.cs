using Crew.Http;
using Crew.Kernel;
using Crew.Sealing;
using Crew.Storage;
using Crew.Webhooks.Catalogue;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Webhooks.Events;

internal static class ReadEvents
{
    private static readonly string[] Parameters = ["type", "crew_id", "from", "to", "limit", "cursor"];

    public static void Map(RouteGroupBuilder events)
    {
        events.MapGet("/", ListAsync)
            .WithName("Events.List")
            .WithSummary("List events, newest first, as far as this credential may read what they are about.")
            .Requires(CrewSource.None, "events:read")
            .Takes(
                new QueryParameter("type", "Names, aliases or groups such as api_key.*, comma-separated."),
                new QueryParameter("crew_id", "The crew that they name."),
                new QueryParameter("from", "The first moment, included."),
                new QueryParameter("to", "The end, not included."));
        events.MapGet("/{id}", ReadAsync)
            .WithName("Events.Read")
            .WithSummary("Read one event: the envelope that endpoints receive.")
            .Requires(CrewSource.None, "events:read");
    }

    /// <summary>The events that a credential may read: those of its crews and level, of types that its rights cover.</summary>
    public static IQueryable<StoredEvent> Visible(Db db, Call call)
    {
        var types = EventTypes.All.Where(t => call.May(t.Reads)).Select(t => t.Name).ToList();
        var rows = db.Set<StoredEvent>().AsNoTracking().Where(e => types.Contains(e.Type));
        if (call.Caller.SeesWorkspaceLevel)
        {
            return rows;
        }

        var crews = call.Workspace.Crews.Where(c => call.Caller.Sees(c.Key, c.Value)).Select(c => c.Key).ToList();
        var ofCrews = EventTypes.All.Where(t => t.Level == EventLevel.Crew).Select(t => t.Name).ToList();
        return rows.Where(e => e.CrewId != null && crews.Contains(e.CrewId) && ofCrews.Contains(e.Type));
    }

    private static async Task<Reply<PageReply<EventAnswer>>> ListAsync(Paging paging, Call call, Store store, KeyRing ring, CancellationToken cancel)
    {
        var query = call.Http.Request.Query;
        var unknown = query.Keys.FirstOrDefault(name => !Parameters.Contains(name));
        if (unknown is not null)
        {
            return HttpFaults.UnknownField(CleanText.Of(unknown, 100)!);
        }

        var types = TypesOf(query["type"].ToString());
        var span = TimeSpanQuery.Of(query);
        if ((paging.Fault ?? types.Fault ?? span.Fault) is { } fault)
        {
            return fault;
        }

        var crewId = query["crew_id"].ToString();
        if (crewId.Length > 0 && !Id.IsValid(crewId, IdPrefix.Crew))
        {
            return Faults.Invalid("crew_id", "crew_id must be an id that begins with crew_.");
        }

        var page = await store.ReadAsync(call.Tenant, async db =>
        {
            var rows = Visible(db, call);
            rows = types.Value is { } named ? rows.Where(e => named.Contains(e.Type)) : rows;
            rows = crewId.Length > 0 ? rows.Where(e => e.CrewId == crewId) : rows;
            rows = span.Value.From is { } from ? rows.Where(e => e.At >= from) : rows;
            rows = span.Value.To is { } to ? rows.Where(e => e.At < to) : rows;
            rows = paging.Cursor is { } cursor ? rows.Where(e => string.Compare(e.Id, cursor) < 0) : rows;
            var found = await rows.OrderByDescending(e => e.Id).Take(paging.Limit + 1).ToListAsync(cancel);
            return Page<StoredEvent>.From(found, paging.Limit, e => Paging.Encode(e.Id));
        }, cancel);
        return new PageReply<EventAnswer>(page.Select(e => EventAnswer.Of(e, ring)));
    }

    private static async Task<Reply<EventAnswer>> ReadAsync(string id, Call call, Store store, KeyRing ring, CancellationToken cancel)
    {
        var found = Id.IsValid(id, IdPrefix.Event)
            ? await store.ReadAsync(call.Tenant, db => Visible(db, call).SingleOrDefaultAsync(e => e.Id == id, cancel), cancel)
            : null;
        return found is null ? Faults.NotFound : EventAnswer.Of(found, ring);
    }

    private static Outcome<List<string>?> TypesOf(string text)
    {
        if (text.Length == 0)
        {
            return (List<string>?)null;
        }

        var filter = EventFilter.Parse(text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        return filter.Failed(out var fault) ? fault with { Details = null } is { } plain ? plain.At("type") : fault : filter.Value.Types.Select(t => t.Name).ToList();
    }
}
