using System.Buffers;
using System.Globalization;
using System.Text;

namespace Crew.Sealing;

/// <summary>Numbers as ECMAScript writes them (RFC 8785 section 3.2.2.3; ECMA-262 Number::toString).</summary>
internal static class CanonicalNumber
{
    /// <summary>Up to here every integer is a double of its own.</summary>
    public const long MaxSafeInteger = 9_007_199_254_740_992;

    private const int MaxDigits = 32;

    public static void Write(IBufferWriter<byte> target, double value)
    {
        Span<char> digits = stackalloc char[MaxDigits];
        var (count, point) = Digits(value, digits);
        if (count == 0)
        {
            target.Write("0"u8);
            return;
        }

        var text = new StringBuilder(MaxDigits);
        if (value < 0)
        {
            text.Append('-');
        }

        Lay(text, digits[..count], point);
        Span<byte> bytes = stackalloc byte[64];
        target.Write(bytes[..Encoding.ASCII.GetBytes(text.ToString(), bytes)]);
    }

    /// <summary>
    /// Whether a JSON integer literal stands for exactly the digits that its double is written with. If not, two different
    /// integers would share one canonical form.
    /// </summary>
    public static bool IsExact(ReadOnlySpan<byte> integerLiteral, double value)
    {
        var literal = integerLiteral.TrimStart((byte)'-');
        var significant = literal.TrimEnd((byte)'0');
        Span<char> digits = stackalloc char[MaxDigits];
        var (count, point) = Digits(value, digits);
        if (significant.Length != count || (count > 0 && literal.Length != point))
        {
            return false;
        }

        for (var at = 0; at < count; at++)
        {
            if (significant[at] != digits[at])
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The shortest digits that read back, and where the point stands: value = 0.digits × 10^point.</summary>
    private static (int Count, int Point) Digits(double value, Span<char> digits)
    {
        Span<char> text = stackalloc char[MaxDigits];

        // "R" is the shortest form that reads back; it may come with or without an exponent.
        Math.Abs(value).TryFormat(text, out var length, "R", CultureInfo.InvariantCulture);
        var exponent = 0;
        var mantissa = text[..length];
        if (mantissa.IndexOf('E') is >= 0 and var mark)
        {
            exponent = int.Parse(mantissa[(mark + 1)..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
            mantissa = mantissa[..mark];
        }

        var dot = mantissa.IndexOf('.');
        var point = exponent + (dot < 0 ? mantissa.Length : dot);
        var count = 0;
        foreach (var character in mantissa)
        {
            if (character == '.')
            {
                continue;
            }

            if (character == '0' && count == 0)
            {
                point--;
                continue;
            }

            digits[count++] = character;
        }

        while (count > 0 && digits[count - 1] == '0')
        {
            count--;
        }

        return (count, point);
    }

    private static void Lay(StringBuilder text, ReadOnlySpan<char> digits, int point)
    {
        switch (point)
        {
            case > 0 and <= 21 when digits.Length <= point:
                text.Append(digits).Append('0', point - digits.Length);
                break;
            case > 0 and <= 21:
                text.Append(digits[..point]).Append('.').Append(digits[point..]);
                break;
            case > -6 and <= 0:
                text.Append("0.").Append('0', -point).Append(digits);
                break;
            default:
                text.Append(digits[0]);
                if (digits.Length > 1)
                {
                    text.Append('.').Append(digits[1..]);
                }

                text.Append('e').Append(point > 0 ? '+' : '-').Append(Math.Abs(point - 1).ToString(CultureInfo.InvariantCulture));
                break;
        }
    }
}
