using Crew.Http;
using Crew.Kernel;
using Crew.Keys.Contracts;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.Tokens;

/// <summary>The families of a workspace: who holds tokens, minted by which key.</summary>
internal static class ReadTokens
{
    /// <summary>A family as the API shows it; never a text of a token.</summary>
    internal sealed record Answer(
        string Id, string Subject, string? UserId, string KeyId, IReadOnlyList<string> Permissions, string? CrewId, string Status, string? RevokedReason,
        DateTimeOffset CreatedAt, DateTimeOffset RefreshedAt, DateTimeOffset EndsAt, DateTimeOffset? RevokedAt);

    public static void Map(RouteGroupBuilder tokens)
    {
        tokens.MapGet("/", ListAsync)
            .WithName("Tokens.List")
            .WithSummary("List the token families of this workspace, newest last.")
            .Requires(CrewSource.None, "tokens:read");
        tokens.MapGet("/{id}", ReadAsync)
            .WithName("Tokens.Read")
            .WithSummary("Read one token family.")
            .Requires(CrewSource.None, "tokens:read");
        tokens.MapDelete("/{id}", EndAsync)
            .WithName("Tokens.End")
            .WithSummary("Revoke a token family at once: no token of it is accepted after this has answered, and open streams are cut.")
            .Requires(CrewSource.None, "tokens:write")
            .Audited("token.revoked");
    }

    private static async Task<Reply<PageReply<Answer>>> ListAsync(Paging paging, Call call, Store store, IssuingKeys keys, CancellationToken cancel)
    {
        if (paging.Fault is { } fault)
        {
            return fault;
        }

        var page = await store.ReadAsync(call.Tenant, async db =>
        {
            var rows = await Visible(db, call).AsNoTracking().Where(f => paging.Cursor == null || string.Compare(f.Id, paging.Cursor) > 0)
                .OrderBy(f => f.Id).Take(paging.Limit + 1).ToListAsync(cancel);
            return Page<TokenFamily>.From(rows, paging.Limit, f => Paging.Encode(f.Id));
        }, cancel);
        var dead = new HashSet<string>(StringComparer.Ordinal);
        foreach (var id in page.Items.Select(f => f.KeyId).Distinct())
        {
            if ((await keys.FindAsync(id, cancel)).Caller is null)
            {
                dead.Add(id);
            }
        }

        var now = store.Node.GetUtcNow();
        return new PageReply<Answer>(page.Select(f => Of(f, dead.Contains(f.KeyId), now)));
    }

    private static async Task<Reply<Answer>> ReadAsync(string id, Call call, Store store, IssuingKeys keys, CancellationToken cancel)
    {
        var found = await store.ReadAsync(call.Tenant, db => FindAsync(db, id, call), cancel);
        return found is null ? Faults.NotFound : Of(found, (await keys.FindAsync(found.KeyId, cancel)).Caller is null, store.Node.GetUtcNow());
    }

    private static async Task<Reply<Answer>> EndAsync(string id, Call call, Store store, CancellationToken cancel)
    {
        var now = store.Node.GetUtcNow();
        var ended = await store.ChangeAsync<TokenFamily>(call.Tenant, call.Origin, async db =>
        {
            if (await FindAsync(db, id, call) is not { } family)
            {
                return Faults.NotFound;
            }

            var revoked = await RevokeTokens.RevokeAsync(db, family.Id, "revoked", now);
            return revoked.Failed(out var fault) ? fault : family;
        }, cancel);
        return ended.Failed(out var refused) ? refused : Of(ended.Value, false, now);
    }

    /// <summary>All of the workspace, or (for a credential that is bound) those that its own key has minted.</summary>
    private static IQueryable<TokenFamily> Visible(Db db, Call call)
    {
        var lineage = call.Caller.LineageId;
        return call.Caller.SeesWorkspaceLevel ? db.Set<TokenFamily>() : db.Set<TokenFamily>().Where(f => f.LineageId == lineage);
    }

    private static async Task<TokenFamily?> FindAsync(Db db, string id, Call call) =>
        Id.IsValid(id, IdPrefix.TokenFamily) ? await Visible(db, call).SingleOrDefaultAsync(f => f.Id == id) : null;

    private static Answer Of(TokenFamily family, bool isKeyDead, DateTimeOffset now) => new(
        family.Id, family.Subject, family.UserId, family.KeyId, family.Permissions, family.CrewId,
        family.RevokedAt is not null || isKeyDead ? "revoked" : family.EndsAt <= now ? "expired" : "active",
        family.RevokedReason ?? (isKeyDead ? "key" : null), family.CreatedAt, family.RefreshedAt, family.EndsAt, family.RevokedAt);
}
