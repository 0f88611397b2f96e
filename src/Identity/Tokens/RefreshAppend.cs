using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.Tokens;

/// <summary>The one statement that every refresh makes, as it is: building it from an expression each time costs more than running it.</summary>
internal static class RefreshAppend
{
    /// <summary>Moves a live family of the transaction's workspace from a token to its successor; false when it does not stand at that token any more.</summary>
    public static async Task<bool> MoveAsync(Db db, RefreshToken token, RefreshToken next, DateTimeOffset now)
    {
        var (workspaceId, at, from, to) = (db.Tenant.WorkspaceId, now.ToUnixTimeMilliseconds(), (long)token.Number, (long)next.Number);
        return await db.Database.ExecuteSqlAsync($"""
            UPDATE identity_token_families SET number = {to}, latest_hash = {next.Hash}, refreshed_at = {at}
            WHERE id = {token.FamilyId} AND workspace_id = {workspaceId} AND number = {from} AND latest_hash = {token.Hash} AND revoked_at IS NULL AND ends_at > {at}
            """) == 1;
    }
}
