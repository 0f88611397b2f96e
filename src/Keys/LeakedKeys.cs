using System.Text.RegularExpressions;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Keys;

/// <summary>
/// Ends keys whose text was seen where others can read it. Whoever has the text may report it, so a report needs no credential, and
/// nothing in its answer tells a real key from an invented one.
/// </summary>
internal sealed partial class LeakedKeys(Store store, KeyIndex index, KeyMint mint, TimeProvider clock)
{
    /// <summary>
    /// Revokes the real keys in the texts, whole or amid others. Prefix, length and checksum are judged first: what fails them costs no
    /// look-up. Returns when every node has followed.
    /// </summary>
    /// <param name="texts">What was seen.</param>
    /// <param name="origin">Who reports it.</param>
    /// <param name="reason">A machine word for the audit record.</param>
    public async Task<Fault?> RevokeAsync(IEnumerable<string> texts, Origin origin, string reason)
    {
        var ids = texts.SelectMany(WellFormed).Distinct(StringComparer.Ordinal)
            .Select(text => index.TryFind(mint.FingerprintOf(text), out var slot) ? slot.KeyId : null).OfType<string>().ToList();
        if (ids.Count == 0)
        {
            return null;
        }

        // Not cancelled by a reporter that leaves: the report has arrived.
        var revoked = await store.ChangeAsync<bool>(SystemJob.LeakReports, origin, async db =>
        {
            foreach (var key in await db.Set<ApiKey>().Where(k => ids.Contains(k.Id) && k.RevokedAt == null).ToListAsync())
            {
                db.Raise(new Event("api_key.leaked", new Resource("api_key", key.Id, key.Name))
                {
                    Tenant = new Tenant(key.OrganizationId, key.WorkspaceId),
                    CrewId = key.CrewId,
                    Reason = reason,
                });
                await RevokeKey.RevokeAsync(db, key, clock.GetUtcNow(), reason);
            }

            return true;
        }, CancellationToken.None);
        return revoked.Fault;
    }

    private static IEnumerable<string> WellFormed(string text) => KeyShape().Matches(text).Select(m => m.Value).Where(key => KeyText.IsWellFormed(key));

    [GeneratedRegex(KeyText.Pattern, RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex KeyShape();
}
