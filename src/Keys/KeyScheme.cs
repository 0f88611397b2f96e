using System.Net;
using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Keys;

/// <summary>API keys as credentials: checksum first, then the fingerprint, then the entry in memory.</summary>
internal sealed class KeyScheme(Store store, KeyIndex index, PersonalKeys personal, KeyMint mint, KeyMarks marks, TimeProvider clock) : ICredentialScheme
{
    /// <summary>A text with two dots is a token (its own scheme); any other is a key.</summary>
    public bool Accepts(ReadOnlySpan<char> credential) => credential.Count('.') != 2;

    public ValueTask<Verification> VerifyAsync(string credential, CancellationToken cancel)
    {
        if (!KeyText.IsWellFormed(credential) || !index.TryFind(mint.FingerprintOf(credential), out var slot))
        {
            return ValueTask.FromResult(new Verification(null, KeyFaults.Invalid));
        }

        return JudgeAsync(slot, cancel);
    }

    /// <summary>What a known key is at this moment.</summary>
    public ValueTask<Verification> JudgeAsync(KeySlot slot, CancellationToken cancel) =>
        slot.Entry is not { } entry ? LoadAsync(slot, cancel)
        : entry.Caller.Kind == KeyKind.User ? JudgePersonalAsync(slot, entry, cancel)
        : ValueTask.FromResult(Judge(entry));

    public void Used(Caller caller, string endpoint, int status, IPAddress address, DateTimeOffset at)
    {
        if (caller.Actor.Type == "api_key")
        {
            marks.Used(caller, endpoint, status, address, at);
        }
    }

    /// <summary>Not cancelled by a client that leaves. Storage that cannot take it is not the client's matter: the next sight tries again.</summary>
    public async ValueTask LeakedAsync(Caller caller, Origin origin, string reason) =>
        await store.ChangeAsync<bool>(caller.Tenant, origin, async db =>
        {
            if (await db.Set<ApiKey>().SingleOrDefaultAsync(k => k.Id == caller.Actor.Id) is { } key)
            {
                await RevokeKey.RevokeAsync(db, key, clock.GetUtcNow(), reason);
            }

            return true;
        }, CancellationToken.None);

    private async ValueTask<Verification> LoadAsync(KeySlot slot, CancellationToken cancel) =>
        await index.LoadAsync(slot, cancel) is not { } entry ? new Verification(null, KeyFaults.Invalid)
        : entry.Caller.Kind == KeyKind.User ? await JudgePersonalAsync(slot, entry, cancel)
        : Judge(entry);

    private async ValueTask<Verification> JudgePersonalAsync(KeySlot slot, KeyEntry entry, CancellationToken cancel)
    {
        var judged = Judge(entry);
        return judged.Fault is not null ? judged
            : await personal.FindAsync(slot, entry, cancel) is { } caller ? new Verification(caller, null)
            : new Verification(null, KeyEntry.Gone, entry.Caller.Tenant, entry.Caller.Actor);
    }

    private Verification Judge(KeyEntry entry) => entry.RefusalAt(store.Node.GetUtcNow()) is { } refusal
        ? new Verification(null, refusal, entry.Caller.Tenant, entry.Caller.Actor)
        : new Verification(entry.Caller, null);
}
