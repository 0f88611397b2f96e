using Crew.Http;
using Crew.Kernel;
using Crew.Sealing;
using Crew.Spend.Contracts;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Spend;

internal static class ReadRequest
{
    internal sealed record Answer(string RequestId, IReadOnlyList<AttemptAnswer> Attempts);

    public static void Map(RouteGroupBuilder gateway) =>
        gateway.MapGet("/requests/{request_id}", Handle)
            .WithName("Requests.Read")
            .WithSummary("Read one request by its X-Request-Id: every attempt at a provider, in order.")
            .Requires(CrewSource.None, "usage:read");

    private static async Task<Reply<Answer>> Handle(
        [Microsoft.AspNetCore.Mvc.FromRoute(Name = "request_id")] string requestId, Call call, Store store, IKeyLineages keys, KeyRing ring,
        CancellationToken cancel)
    {
        if (!Id.IsValid(requestId, IdPrefix.Request))
        {
            return Faults.NotFound;
        }

        var rows = await store.ReadAsync(call.Tenant, async db =>
            await (await UsageFilter.VisibleAsync(db, call, keys)).Where(a => a.RequestId == requestId).OrderBy(a => a.Attempt).ToListAsync(cancel), cancel);
        return rows.Count == 0 ? Faults.NotFound : new Answer(requestId, rows.ConvertAll(a => AttemptAnswer.Of(a, ring)));
    }
}
