using System.Security.Cryptography;

namespace Crew.Sealing;

/// <summary>
/// Cipher objects of one key. <see cref="AesGcm"/> is not documented as safe for concurrent use and costs a key schedule to
/// make, so each user takes one out and puts it back; what does not fit is disposed.
/// </summary>
internal sealed class AesGcmPool(byte[] key)
{
    private static readonly int _places = Math.Clamp(Environment.ProcessorCount, 2, 16) - 1;

    private AesGcm? _first;
    private AesGcm?[]? _others;

    public AesGcm Take()
    {
        if (Interlocked.Exchange(ref _first, null) is { } cipher)
        {
            return cipher;
        }

        if (_others is { } others)
        {
            for (var at = 0; at < others.Length; at++)
            {
                if (others[at] is not null && Interlocked.Exchange(ref others[at], null) is { } other)
                {
                    return other;
                }
            }
        }

        return new AesGcm(key, Envelope.TagBytes);
    }

    public void Return(AesGcm cipher)
    {
        if (Interlocked.CompareExchange(ref _first, cipher, null) is null)
        {
            return;
        }

        // The wider pool is made only for keys that are really used by several threads at once.
        var others = LazyInitializer.EnsureInitialized(ref _others, static () => new AesGcm?[_places]);
        for (var at = 0; at < others.Length; at++)
        {
            if (others[at] is null && Interlocked.CompareExchange(ref others[at], cipher, null) is null)
            {
                return;
            }
        }

        cipher.Dispose();
    }
}
