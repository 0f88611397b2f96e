using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Json;

namespace Crew.Gateway.Dialects;

/// <summary>
/// A field name as any reader might take it: escapes resolved, letters folded to lower case. The names we govern are ASCII,
/// so anything else is left alone. Works without exceptions, because hostile bodies hold a million odd names.
/// </summary>
internal static class FieldName
{
    /// <summary>Longer than every governed name.</summary>
    public const int MaxBytes = 32;

    private const int MaxRawBytes = MaxBytes * 6;

    /// <summary>Writes the folded text of the current token; the length is 0 where it cannot be one of our names.</summary>
    /// <param name="isVariant">The name was folded: a case-insensitive reader takes it for another name than an exact one does.</param>
    public static int Read(ref Utf8JsonReader reader, scoped Span<byte> buffer, out bool isVariant)
    {
        isVariant = false;
        var length = reader.HasValueSequence ? reader.ValueSequence.Length : reader.ValueSpan.Length;
        if (length is 0 or > MaxRawBytes)
        {
            return 0;
        }

        Span<byte> raw = stackalloc byte[MaxRawBytes];
        raw = raw[..(int)length];
        if (reader.HasValueSequence)
        {
            reader.ValueSequence.CopyTo(raw);
        }
        else
        {
            reader.ValueSpan.CopyTo(raw);
        }

        return Fold(raw, buffer, ref isVariant);
    }

    private static int Fold(scoped ReadOnlySpan<byte> raw, scoped Span<byte> buffer, ref bool isVariant)
    {
        var length = 0;
        while (!raw.IsEmpty)
        {
            var used = Next(raw, out var character);
            if (used == 0 || length == MaxBytes)
            {
                return 0;
            }

            // Besides ASCII letters, the long s and the Kelvin sign fold to s and k; Go's JSON reader does that.
            var folded = character switch
            {
                >= 'A' and <= 'Z' => character | 0x20,
                0x017F => 's',
                0x212A => 'k',
                _ => character,
            };
            if (folded >= 0x80)
            {
                return 0;
            }

            isVariant |= folded != character;
            buffer[length++] = (byte)folded;
            raw = raw[used..];
        }

        return length;
    }

    /// <summary>How many bytes the next character takes; 0 for one that stands in no governed name.</summary>
    private static int Next(ReadOnlySpan<byte> raw, out int character)
    {
        if (raw[0] != '\\')
        {
            var status = Rune.DecodeFromUtf8(raw, out var rune, out var used);
            character = rune.Value;
            return status == OperationStatus.Done ? used : 0;
        }

        character = 0;
        if (raw.Length < 6 || raw[1] != 'u' || !Utf8Parser.TryParse(raw.Slice(2, 4), out ushort unit, out var read, 'x') || read != 4)
        {
            return 0;
        }

        character = unit;
        return 6;
    }
}
