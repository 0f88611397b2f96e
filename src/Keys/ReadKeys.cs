using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Keys;

internal static class ReadKeys
{
    public static void Map(RouteGroupBuilder keys)
    {
        keys.MapGet("/", ListAsync)
            .WithName("Keys.List")
            .WithSummary("List API keys, newest last; never their text. With api_keys:self alone, one's own.")
            .Requires(CrewSource.None, "api_keys:read", "api_keys:self");
        keys.MapGet("/{id}", ReadAsync)
            .WithName("Keys.Read")
            .WithSummary("Read one API key. For a rolled key this lists who still uses it.")
            .Requires(CrewSource.None, "api_keys:read", "api_keys:self");
    }

    private static async Task<Reply<PageReply<KeyAnswer>>> ListAsync(Paging paging, Call call, Store store, KeyMint mint, TimeProvider clock, CancellationToken cancel)
    {
        if (paging.Fault is { } fault)
        {
            return fault;
        }

        var page = await store.ReadAsync(call.Tenant, async db =>
        {
            var rows = await KeyAccess.Visible(db, call, KeyAccess.Read).AsNoTracking()
                .Where(k => paging.Cursor == null || string.Compare(k.Id, paging.Cursor) > 0)
                .OrderBy(k => k.Id).Take(paging.Limit + 1).ToListAsync(cancel);
            return Page<ApiKey>.From(rows, paging.Limit, k => Paging.Encode(k.Id));
        }, cancel);
        var now = clock.GetUtcNow();
        return new PageReply<KeyAnswer>(page.Select(k => KeyAnswer.Of(k, now, mint.Ring)));
    }

    private static async Task<Reply<KeyAnswer>> ReadAsync(string id, Call call, Store store, KeyMint mint, KeyMarks marks, TimeProvider clock, CancellationToken cancel)
    {
        await marks.FlushAsync(cancel);
        var found = await store.ReadAsync(call.Tenant, async db =>
        {
            var key = await KeyAccess.FindAsync(db, id, call, KeyAccess.Read);
            return (Key: key, Users: key?.RolledToId is null ? null : await KeyReports.SinceRollAsync(db, key, cancel));
        }, cancel);
        if (found.Key is not { } key)
        {
            return Faults.NotFound;
        }

        var answer = KeyAnswer.Of(key, clock.GetUtcNow(), mint.Ring) with { StillUsedBy = found.Users?.ConvertAll(u => KeyUsageAnswer.Of(u, mint.Ring)) };
        return Reply<KeyAnswer>.Ok(answer, key.Version);
    }
}
