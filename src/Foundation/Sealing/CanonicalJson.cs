using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using Crew.Kernel;

namespace Crew.Sealing;

/// <summary>
/// The canonical form of JSON (RFC 8785, JCS): one value, one byte sequence. Keys sorted by UTF-16 code units, numbers as
/// ECMAScript writes them, strings with the fewest escapes, UTF-8, no white space.
/// </summary>
/// <remarks>
/// Refused as <c>not_canonical_json</c>, never repaired: malformed text, duplicate keys, lone surrogates, numbers beyond a double,
/// and integers that no double holds exactly (they would silently become another number; write them as strings).
/// </remarks>
public static class CanonicalJson
{
    /// <summary>Nesting that is followed.</summary>
    public const int MaxDepth = 64;

    private static readonly UTF8Encoding _strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private static readonly SearchValues<char> _escaped =
        SearchValues.Create([.. Enumerable.Range(0, 32).Select(static code => (char)code), '"', '\\']);

    /// <summary>The canonical bytes of a parsed value.</summary>
    public static Outcome<byte[]> Of(JsonElement value)
    {
        var target = new ArrayBufferWriter<byte>();
        return Write(target, value, 0) is { } problem ? Refused(problem) : target.WrittenSpan.ToArray();
    }

    /// <summary>The canonical bytes of a JSON text in UTF-8.</summary>
    public static Outcome<byte[]> Of(ReadOnlyMemory<byte> utf8Json)
    {
        try
        {
            using var document = JsonDocument.Parse(utf8Json, new JsonDocumentOptions { MaxDepth = MaxDepth });
            return Of(document.RootElement);
        }
        catch (JsonException)
        {
            return Refused("it is malformed or nested too deeply");
        }
    }

    /// <summary>Reads one value, which may be part of a longer text, and gives its canonical bytes.</summary>
    public static Outcome<byte[]> Of(ref Utf8JsonReader reader)
    {
        try
        {
            return Of(JsonElement.ParseValue(ref reader));
        }
        catch (JsonException)
        {
            return Refused("it is malformed or nested too deeply");
        }
    }

    /// <summary>Appends a string in canonical form. A lone surrogate throws <see cref="EncoderFallbackException"/>.</summary>
    public static void AppendString(IBufferWriter<byte> target, ReadOnlySpan<char> text)
    {
        target.Write("\""u8);
        while (text.IndexOfAny(_escaped) is >= 0 and var at)
        {
            Encode(target, text[..at]);
            AppendEscape(target, text[at]);
            text = text[(at + 1)..];
        }

        Encode(target, text);
        target.Write("\""u8);
    }

    /// <summary>Appends a number in canonical form. NaN and infinities throw.</summary>
    public static void AppendNumber(IBufferWriter<byte> target, double value)
    {
        if (!double.IsFinite(value))
        {
            throw new ArgumentOutOfRangeException(nameof(value), "JSON has no NaN and no infinity.");
        }

        CanonicalNumber.Write(target, value);
    }

    /// <summary>Appends an integer in canonical form. Beyond ±2^53 it throws: write such a number as a string.</summary>
    public static void AppendNumber(IBufferWriter<byte> target, long value)
    {
        if (value is > CanonicalNumber.MaxSafeInteger or < -CanonicalNumber.MaxSafeInteger)
        {
            throw new ArgumentOutOfRangeException(nameof(value), "An integer beyond 2^53 has no canonical form of its own.");
        }

        Utf8Formatter.TryFormat(value, target.GetSpan(20), out var written);
        target.Advance(written);
    }

    private static Fault Refused(string problem) =>
        SealingFaults.NotCanonical with { Message = $"The JSON text has no canonical form (RFC 8785): {problem}." };

    /// <summary>Appends a value; the answer is what keeps it from having a canonical form, or null.</summary>
    private static string? Write(ArrayBufferWriter<byte> target, JsonElement value, int depth)
    {
        if (depth > MaxDepth)
        {
            return "it is nested too deeply";
        }

        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                return WriteObject(target, value, depth);
            case JsonValueKind.Array:
                return WriteArray(target, value, depth);
            case JsonValueKind.String:
                return WriteString(target, value);
            case JsonValueKind.Number:
                return WriteNumber(target, value);
            case JsonValueKind.True:
                target.Write("true"u8);
                return null;
            case JsonValueKind.False:
                target.Write("false"u8);
                return null;
            case JsonValueKind.Null:
                target.Write("null"u8);
                return null;
            default:
                return "it is no value";
        }
    }

    private static string? WriteObject(ArrayBufferWriter<byte> target, JsonElement value, int depth)
    {
        var members = new List<(string Name, JsonElement Value)>();
        foreach (var property in value.EnumerateObject())
        {
            if (!TryRead(() => property.Name, out var name))
            {
                return "a key has a lone surrogate or is not UTF-8";
            }

            members.Add((name, property.Value));
        }

        // Ordinal order is the order of UTF-16 code units that section 3.2.3 asks for.
        members.Sort(static (left, right) => string.CompareOrdinal(left.Name, right.Name));
        target.Write("{"u8);
        for (var at = 0; at < members.Count; at++)
        {
            if (at > 0)
            {
                if (members[at].Name == members[at - 1].Name)
                {
                    return "an object has a key twice";
                }

                target.Write(","u8);
            }

            AppendString(target, members[at].Name);
            target.Write(":"u8);
            if (Write(target, members[at].Value, depth + 1) is { } problem)
            {
                return problem;
            }
        }

        target.Write("}"u8);
        return null;
    }

    private static string? WriteArray(ArrayBufferWriter<byte> target, JsonElement value, int depth)
    {
        target.Write("["u8);
        var first = true;
        foreach (var item in value.EnumerateArray())
        {
            if (!first)
            {
                target.Write(","u8);
            }

            first = false;
            if (Write(target, item, depth + 1) is { } problem)
            {
                return problem;
            }
        }

        target.Write("]"u8);
        return null;
    }

    private static string? WriteString(ArrayBufferWriter<byte> target, JsonElement value)
    {
        if (!TryRead(() => value.GetString()!, out var text))
        {
            return "a string has a lone surrogate or is not UTF-8";
        }

        AppendString(target, text);
        return null;
    }

    private static string? WriteNumber(ArrayBufferWriter<byte> target, JsonElement value)
    {
        if (value.TryGetInt64(out var integer) && integer is <= CanonicalNumber.MaxSafeInteger and >= -CanonicalNumber.MaxSafeInteger)
        {
            AppendNumber(target, integer);
            return null;
        }

        if (!value.TryGetDouble(out var number) || !double.IsFinite(number))
        {
            return "a number is larger than a double can be";
        }

        var literal = Encoding.ASCII.GetBytes(value.GetRawText());
        if (literal.AsSpan().IndexOfAny("."u8[0], "e"u8[0], "E"u8[0]) < 0 && !CanonicalNumber.IsExact(literal, number))
        {
            return "an integer is beyond what a double holds exactly (write it as a string)";
        }

        CanonicalNumber.Write(target, number);
        return null;
    }

    /// <summary>The reader tells of lone surrogates and broken UTF-8 only by an exception, at the moment the text is taken out.</summary>
    private static bool TryRead(Func<string> read, out string text)
    {
        try
        {
            text = read();
            return !HasLoneSurrogate(text);
        }
        catch (InvalidOperationException)
        {
            text = "";
            return false;
        }
    }

    private static bool HasLoneSurrogate(string text)
    {
        for (var at = 0; at < text.Length; at++)
        {
            if (!char.IsSurrogate(text[at]))
            {
                continue;
            }

            if (at + 1 >= text.Length || !char.IsSurrogatePair(text[at], text[at + 1]))
            {
                return true;
            }

            at++;
        }

        return false;
    }

    private static void Encode(IBufferWriter<byte> target, ReadOnlySpan<char> text)
    {
        if (!text.IsEmpty)
        {
            target.Advance(_strict.GetBytes(text, target.GetSpan(_strict.GetMaxByteCount(text.Length))));
        }
    }

    private static void AppendEscape(IBufferWriter<byte> target, char character)
    {
        switch (character)
        {
            case '"':
                target.Write("\\\""u8);
                break;
            case '\\':
                target.Write("\\\\"u8);
                break;
            case '\b':
                target.Write("\\b"u8);
                break;
            case '\t':
                target.Write("\\t"u8);
                break;
            case '\n':
                target.Write("\\n"u8);
                break;
            case '\f':
                target.Write("\\f"u8);
                break;
            case '\r':
                target.Write("\\r"u8);
                break;
            default:
                target.Write("\\u00"u8);
                target.Write([(byte)"01"[character >> 4], (byte)"0123456789abcdef"[character & 0xF]]);
                break;
        }
    }
}
