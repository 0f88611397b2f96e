using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Crew.Kernel;

/// <summary>
/// Readable identifiers: a prefix that names the kind (see <see cref="IdPrefix"/>) and a UUIDv7 (RFC 9562 section 5.7)
/// as 26 lower-case Crockford base32 characters, so that ids of one kind sort by the time they were made.
/// </summary>
public static class Id
{
    private const string Alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

    private const int RandomBytes = 10;
    private const int HeldIds = 100;

    [ThreadStatic]
    private static byte[]? _drawn;

    [ThreadStatic]
    private static int _used;

    /// <summary>Length of the part behind the prefix.</summary>
    public const int BodyLength = 26;

    /// <summary>Base32 digits of the 48 bits of time: the 80 bits behind them are 16 digits.</summary>
    private const int DigitsOfTime = BodyLength - 16;

    /// <summary>Makes a new id of the kind that <paramref name="prefix"/> names.</summary>
    public static string New(string prefix, TimeProvider clock) => New(prefix, clock.GetUtcNow());

    /// <summary>Makes a new id stamped with <paramref name="at"/>.</summary>
    public static string New(string prefix, DateTimeOffset at)
    {
        Span<byte> bytes = stackalloc byte[16];
        FillRandom(bytes[6..]);
        var milliseconds = at.ToUnixTimeMilliseconds();
        BinaryPrimitives.WriteUInt16BigEndian(bytes, (ushort)(milliseconds >> 32));
        BinaryPrimitives.WriteUInt32BigEndian(bytes[2..], (uint)(milliseconds & 0xFFFF_FFFF));
        bytes[6] = (byte)(0x70 | (bytes[6] & 0x0F));
        bytes[8] = (byte)(0x80 | (bytes[8] & 0x3F));
        var value = BinaryPrimitives.ReadUInt128BigEndian(bytes);
        return string.Create(prefix.Length + BodyLength, (prefix, value), static (target, state) =>
        {
            state.prefix.CopyTo(target);
            var rest = state.value;
            for (var at = target.Length - 1; at >= state.prefix.Length; at--)
            {
                target[at] = Alphabet[(int)(rest & 31)];
                rest >>= 5;
            }
        });
    }

    /// <summary>Draws from the system's generator for many ids at a time: one call costs more than the rest of an id, and ids are no secrets.</summary>
    private static void FillRandom(Span<byte> target)
    {
        var drawn = _drawn ??= new byte[RandomBytes * HeldIds];
        if (_used == 0)
        {
            RandomNumberGenerator.Fill(drawn);
        }

        drawn.AsSpan(_used, RandomBytes).CopyTo(target);
        _used = (_used + RandomBytes) % drawn.Length;
    }

    /// <summary>Reads the time that a well-formed id of a kind carries, in milliseconds since 1970.</summary>
    public static bool TryReadTime(string? text, string prefix, out long milliseconds)
    {
        milliseconds = 0;
        if (!IsValid(text, prefix))
        {
            return false;
        }

        foreach (var digit in text.AsSpan(prefix.Length, DigitsOfTime))
        {
            milliseconds = (milliseconds << 5) | (long)Alphabet.IndexOf(digit, StringComparison.Ordinal);
        }

        return true;
    }

    /// <summary>Whether <paramref name="text"/> is a well-formed id of the kind that <paramref name="prefix"/> names.</summary>
    public static bool IsValid([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] string? text, string prefix)
    {
        if (text is null || text.Length != prefix.Length + BodyLength || !text.StartsWith(prefix, StringComparison.Ordinal))
        {
            return false;
        }

        // 26 characters carry 130 bits: the first may hold only the two that a UUID leaves over.
        if (text[prefix.Length] > '7')
        {
            return false;
        }

        foreach (var c in text.AsSpan(prefix.Length))
        {
            if (!Alphabet.Contains(c, StringComparison.Ordinal))
            {
                return false;
            }
        }

        return true;
    }
}
