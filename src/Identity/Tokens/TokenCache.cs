using System.Collections.Concurrent;

namespace Crew.Identity.Tokens;

/// <summary>
/// Tokens whose signature was verified, by the fingerprint of their text. Two halves: when the younger one is full it becomes the older
/// one and what the older one held is forgotten, so that memory is bounded and what is in use stays. Nothing here says that a token may
/// be used: its end, its family, its key and its person are looked at on every use.
/// </summary>
internal sealed class TokenCache
{
    /// <summary>Tokens in each half.</summary>
    public const int MostInHalf = 20_000;

    private readonly Lock _gate = new();
    private volatile ConcurrentDictionary<UInt128, VerifiedToken> _younger = new();
    private volatile ConcurrentDictionary<UInt128, VerifiedToken> _older = new();
    private int _count;

    public VerifiedToken? Find(UInt128 mark)
    {
        if (_younger.TryGetValue(mark, out var token))
        {
            return token;
        }

        if (!_older.TryGetValue(mark, out token))
        {
            return null;
        }

        Add(mark, token);
        return token;
    }

    public void Add(UInt128 mark, VerifiedToken token)
    {
        if (!_younger.TryAdd(mark, token) || Interlocked.Increment(ref _count) < MostInHalf)
        {
            return;
        }

        lock (_gate)
        {
            if (Volatile.Read(ref _count) >= MostInHalf)
            {
                (_older, _younger) = (_younger, new ConcurrentDictionary<UInt128, VerifiedToken>());
                Volatile.Write(ref _count, 0);
            }
        }
    }
}

/// <summary>A token whose signature was verified, with the caller that it was last found to be.</summary>
internal sealed class VerifiedToken(AccessToken token)
{
    private volatile Standing? _standing;

    public AccessToken Token => token;

    public Standing? Standing
    {
        get => _standing;
        set => _standing = value;
    }
}
