using System.Globalization;
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

internal static class ListRequests
{
    public static void Map(RouteGroupBuilder gateway) =>
        gateway.MapGet("/requests", Handle)
            .WithName("Requests.List")
            .WithSummary("List the gateway's calls of providers, newest first: counts, cost and outcome, never content.")
            .Requires(CrewSource.None, "usage:read")
            .Takes(UsageFilter.Described);

    private static async Task<Reply<PageReply<AttemptAnswer>>> Handle(
        Paging paging, UsageFilter filter, Call call, Store store, IKeyLineages keys, KeyRing ring, CancellationToken cancel)
    {
        if ((paging.Fault ?? filter.Fault) is { } wrong)
        {
            return wrong;
        }

        if (!TryReadCursor(paging.Cursor, out var after))
        {
            return Faults.Invalid("cursor", "cursor is not one that this list has given. Take it from pagination.next_cursor, unchanged.");
        }

        var page = await store.ReadAsync(call.Tenant, async db =>
        {
            var rows = await filter.RowsAsync(db, call, keys, ring);
            var found = await rows
                .Where(a => a.At < after.At || (a.At == after.At && (string.Compare(a.RequestId, after.RequestId) < 0
                    || (a.RequestId == after.RequestId && a.Attempt < after.Attempt))))
                .OrderByDescending(a => a.At).ThenByDescending(a => a.RequestId).ThenByDescending(a => a.Attempt)
                .Take(paging.Limit + 1).ToListAsync(cancel);
            return Page<AttemptRecord>.From(found, paging.Limit,
                a => Paging.Encode(string.Create(CultureInfo.InvariantCulture, $"{a.At}.{a.Attempt}.{a.RequestId}")));
        }, cancel);
        return new PageReply<AttemptAnswer>(page.Select(a => AttemptAnswer.Of(a, ring)));
    }

    private static bool TryReadCursor(string? cursor, out (long At, int Attempt, string RequestId) position)
    {
        position = (long.MaxValue, 0, "");
        if (cursor is null)
        {
            return true;
        }

        var parts = cursor.Split('.');
        if (parts.Length != 3 || !long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var at)
            || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var attempt))
        {
            return false;
        }

        position = (at, attempt, parts[2]);
        return true;
    }
}
