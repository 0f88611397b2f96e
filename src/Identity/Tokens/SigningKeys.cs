using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Crew.Kernel;
using Crew.Sealing;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.Tokens;

/// <summary>
/// The keys that sign access tokens, in memory on every node. A key is published an hour before it signs and a day after its successor
/// has begun, so whoever caches the key set never meets a token that it cannot judge:
/// <code>
///   key n      ─ published ─┬──────── signs, 30 days ────────┬─ published, 1 day ─
///   key n + 1               └             ─ published, 1 h ──┴──────── signs ─────
/// </code>
/// Which key signs follows from the stored times and the clock that all nodes share, so all nodes change over at the same moment.
/// </summary>
internal sealed class SigningKeys
{
    public const string FeedTopic = "signing_keys";
    public static readonly TimeSpan SignsFor = TimeSpan.FromDays(30);
    public static readonly TimeSpan PublishedAhead = TimeSpan.FromHours(1);
    public static readonly TimeSpan PublishedAfter = TimeSpan.FromDays(1);

    private readonly Store _store;
    private readonly Lazy<StoredKeys> _keys;
    private volatile IReadOnlyList<OpenedKey> _opened = [];

    public SigningKeys(Store store, Lazy<StoredKeys> keys)
    {
        (_store, _keys) = (store, keys);
        store.Feed.Follow(FeedTopic, (_, cancel) => LoadAsync(cancel));
    }

    /// <summary>Loads the keys; makes the first one where there is none.</summary>
    public async Task<Fault?> StartAsync(CancellationToken cancel)
    {
        await LoadAsync(cancel);
        return _opened.Count > 0 ? null : await MakeNextAsync(cancel);
    }

    /// <summary>The key that signs now.</summary>
    public OpenedKey Active()
    {
        var (opened, now) = (_opened, _store.Node.GetUtcNow());
        for (var at = opened.Count - 1; at >= 0; at--)
        {
            if (opened[at].ActiveAt <= now)
            {
                return opened[at];
            }
        }

        throw new InvalidOperationException("No key signs yet.");
    }

    /// <summary>A published key by its <c>kid</c>, or null.</summary>
    public OpenedKey? Find(string? keyId)
    {
        var now = _store.Node.GetUtcNow();
        foreach (var key in _opened)
        {
            if (key.KeyId == keyId)
            {
                return key.RetiredAt is { } retired && retired <= now ? null : key;
            }
        }

        return null;
    }

    /// <summary>The published keys as a JSON Web Key Set (RFC 7517 section 5).</summary>
    public string ToJwks()
    {
        var now = _store.Node.GetUtcNow();
        return new JsonObject { ["keys"] = new JsonArray([.. _opened.Where(k => !(k.RetiredAt <= now)).Select(k => k.ToJwk())]) }.ToJsonString();
    }

    /// <summary>Makes the next key when it is time to publish it. Of several nodes that do so at once one succeeds; running it again changes nothing.</summary>
    public async Task<Fault?> RotateAsync(CancellationToken cancel) =>
        _opened is [.., var last] && last.ActiveAt + SignsFor - PublishedAhead > _store.Node.GetUtcNow() ? null : await MakeNextAsync(cancel);

    private async Task<Fault?> MakeNextAsync(CancellationToken cancel)
    {
        var now = _store.Node.GetUtcNow();
        var number = _opened is [.., var last] ? last.Number + 1 : 1;
        var made = SigningKey.Make(number, _keys.Value.Ring, number == 1 ? now : now + PublishedAhead, now);
        var stored = await _store.ChangeAsync<bool>(SystemJob.SigningKeys, Origin.System, db =>
        {
            db.Add(made);
            db.Touch(FeedTopic, made.KeyId);
            return Task.FromResult<Outcome<bool>>(true);
        }, cancel);
        if (stored.Fault is { Code: not "conflict" } fault)
        {
            return fault;
        }

        await LoadAsync(cancel);
        return null;
    }

    private async Task LoadAsync(CancellationToken cancel)
    {
        var rows = await _store.ReadAsync(SystemJob.SigningKeys, db => db.Set<SigningKey>().AsNoTracking().OrderBy(k => k.Number).ToListAsync(cancel), cancel);
        var known = _opened.ToDictionary(k => k.KeyId, StringComparer.Ordinal);
        var opened = new List<OpenedKey>(rows.Count);
        for (var at = 0; at < rows.Count; at++)
        {
            var retired = at + 1 < rows.Count ? rows[at + 1].ActiveAt + PublishedAfter : (DateTimeOffset?)null;
            opened.Add(known.TryGetValue(rows[at].KeyId, out var before) && before.RetiredAt == retired ? before : new OpenedKey(rows[at], retired, _keys.Value.Ring));
        }

        _opened = opened;
    }
}

/// <summary>A signing key, ready for use. Its algorithm objects are not made for several threads, so each user takes one and gives it back.</summary>
internal sealed class OpenedKey(SigningKey row, DateTimeOffset? retiredAt, KeyRing ring)
{
    private const int MostIdle = 32;

    private readonly ConcurrentBag<ECDsa> _signers = [];
    private readonly ConcurrentBag<ECDsa> _verifiers = [];

    public int Number => row.Number;

    public string KeyId => row.KeyId;

    public DateTimeOffset ActiveAt => row.ActiveAt;

    /// <summary>From when on nothing that it has signed is accepted; null while no successor is known.</summary>
    public DateTimeOffset? RetiredAt => retiredAt;

    public string Sign(string type, ReadOnlySpan<byte> payload)
    {
        var key = _signers.TryTake(out var idle) ? idle : OpenPrivate();
        var text = CompactJws.Sign(key, KeyId, type, payload);
        GiveBack(_signers, key);
        return text;
    }

    public bool Verify(UnverifiedJws jws)
    {
        var key = _verifiers.TryTake(out var idle) ? idle : OpenPublic();
        var isSigned = CompactJws.Verify(key, jws);
        GiveBack(_verifiers, key);
        return isSigned;
    }

    /// <summary>RFC 7518 section 6.2.1.</summary>
    public JsonObject ToJwk()
    {
        using var key = OpenPublic();
        var point = key.ExportParameters(false).Q;
        return new JsonObject
        {
            ["kty"] = "EC",
            ["crv"] = "P-256",
            ["x"] = Base64Url.EncodeToString(point.X),
            ["y"] = Base64Url.EncodeToString(point.Y),
            ["kid"] = KeyId,
            ["use"] = "sig",
            ["alg"] = CompactJws.Algorithm,
        };
    }

    private static void GiveBack(ConcurrentBag<ECDsa> bag, ECDsa key)
    {
        if (bag.Count < MostIdle)
        {
            bag.Add(key);
        }
        else
        {
            key.Dispose();
        }
    }

    private ECDsa OpenPublic()
    {
        var key = ECDsa.Create();
        key.ImportSubjectPublicKeyInfo(row.PublicKey, out _);
        return key;
    }

    private ECDsa OpenPrivate()
    {
        if (!ring.TryOpen(KeyScope.Installation, WrappedKey.InstallationId, SigningKey.PrivateCell(KeyId), row.PrivateKeySealed, out var secret))
        {
            throw new CryptographicException($"The signing key {Number} does not open.");
        }

        var key = ECDsa.Create();
        key.ImportPkcs8PrivateKey(secret, out _);
        CryptographicOperations.ZeroMemory(secret);
        return key;
    }
}
