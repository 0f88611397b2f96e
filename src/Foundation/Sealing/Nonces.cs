using System.Security.Cryptography;

namespace Crew.Sealing;

/// <summary>
/// Random nonces, drawn from the system's generator 128 at a time for each thread: one call costs as much as sealing a small
/// record. A nonce is public, so that the next ones wait in memory gives nothing away; none is handed out twice.
/// </summary>
internal static class Nonces
{
    private const int Held = 128;

    [ThreadStatic]
    private static byte[]? _drawn;

    [ThreadStatic]
    private static int _used;

    public static void Fill(Span<byte> nonce)
    {
        var drawn = _drawn ??= new byte[Envelope.NonceBytes * Held];
        if (_used == 0)
        {
            RandomNumberGenerator.Fill(drawn);
        }

        drawn.AsSpan(_used, Envelope.NonceBytes).CopyTo(nonce);
        _used = (_used + Envelope.NonceBytes) % drawn.Length;
    }
}
