using System.Buffers.Binary;

namespace Crew.Sealing;

/// <summary>
/// Numbers in base 62, alphabet <c>0-9A-Za-z</c> in that order, most significant digit first, left-padded with <c>0</c> to a
/// fixed length. Without allocation.
/// </summary>
public static class Base62
{
    public const string Alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    /// <summary>Characters that 32 bytes take.</summary>
    public const int KeyLength = 43;

    /// <summary>Characters that a 32-bit number takes.</summary>
    public const int UInt32Length = 6;

    private const int KeyBytes = 32;
    private const int Limbs = KeyBytes / sizeof(uint);

    /// <summary>62^5, the largest power that leaves room in 32 bits: five digits come out of one long division.</summary>
    private const uint FiveDigits = 916_132_832;

    /// <summary>Writes 32 bytes, read as one big-endian number, as 43 characters.</summary>
    public static void Encode(ReadOnlySpan<byte> bytes32, Span<char> target43)
    {
        Require(bytes32.Length == KeyBytes && target43.Length == KeyLength);
        Span<uint> limbs = stackalloc uint[Limbs];
        for (var at = 0; at < Limbs; at++)
        {
            limbs[at] = BinaryPrimitives.ReadUInt32BigEndian(bytes32[(at * sizeof(uint))..]);
        }

        for (var end = KeyLength; end > 0; end -= 5)
        {
            ulong rest = 0;
            for (var at = 0; at < Limbs; at++)
            {
                var value = (rest << 32) | limbs[at];
                limbs[at] = (uint)(value / FiveDigits);
                rest = value % FiveDigits;
            }

            Encode((uint)rest, target43[Math.Max(0, end - 5)..end]);
        }

        limbs.Clear();
    }

    /// <inheritdoc cref="Encode(ReadOnlySpan{byte}, Span{char})"/>
    public static string Encode(ReadOnlySpan<byte> bytes32)
    {
        Span<char> text = stackalloc char[KeyLength];
        Encode(bytes32, text);
        return new string(text);
    }

    /// <summary>Writes a number right-aligned; digits that do not fit are lost, so give 32-bit numbers 6 characters.</summary>
    public static void Encode(uint value, Span<char> target)
    {
        for (var at = target.Length - 1; at >= 0; at--)
        {
            target[at] = Alphabet[(int)(value % 62)];
            value /= 62;
        }
    }

    /// <summary>Reads 43 characters back. False for a foreign character or a number that does not fit into 32 bytes.</summary>
    public static bool TryDecode(ReadOnlySpan<char> text43, Span<byte> target32)
    {
        Require(target32.Length == KeyBytes);
        if (text43.Length != KeyLength)
        {
            return false;
        }

        Span<uint> limbs = stackalloc uint[Limbs];
        limbs.Clear();
        foreach (var character in text43)
        {
            var carry = Digit(character);
            if (carry > 61)
            {
                return false;
            }

            for (var at = Limbs - 1; at >= 0; at--)
            {
                var value = ((ulong)limbs[at] * 62) + carry;
                limbs[at] = (uint)(value & uint.MaxValue);
                carry = (uint)(value >> 32);
            }

            if (carry != 0)
            {
                return false;
            }
        }

        for (var at = 0; at < Limbs; at++)
        {
            BinaryPrimitives.WriteUInt32BigEndian(target32[(at * sizeof(uint))..], limbs[at]);
        }

        return true;
    }

    /// <summary>Whether every character is a base 62 digit.</summary>
    public static bool IsValid(ReadOnlySpan<char> text)
    {
        foreach (var character in text)
        {
            if (!char.IsAsciiLetterOrDigit(character))
            {
                return false;
            }
        }

        return true;
    }

    private static uint Digit(char character) => character switch
    {
        >= '0' and <= '9' => (uint)(character - '0'),
        >= 'A' and <= 'Z' => (uint)(character - 'A' + 10),
        >= 'a' and <= 'z' => (uint)(character - 'a' + 36),
        _ => uint.MaxValue,
    };

    private static void Require(bool fits)
    {
        if (!fits)
        {
            throw new ArgumentException("32 bytes stand against 43 characters.");
        }
    }
}
