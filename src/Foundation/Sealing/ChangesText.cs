using System.Buffers;
using System.Collections;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Crew.Kernel;

namespace Crew.Sealing;

/// <summary>
/// The changes of an event as canonical JSON, decided once when the record is made. Secrets and content never get in, long texts
/// stand as hash and length, and numbers that no double holds exactly stand as text.
/// </summary>
public static class ChangesText
{
    public const int MaximumChanges = 100;
    public const int MaximumTextCharacters = 1_024;
    public const int MaximumItems = 200;
    private const int MaximumDepth = 8;
    private const long MaximumSafeInteger = 1L << 53;

    /// <summary>The canonical text, or null where nothing changed.</summary>
    public static string? Of(IReadOnlyList<FieldChange> changes)
    {
        if (changes.Count == 0)
        {
            return null;
        }

        var target = new ArrayBufferWriter<byte>(256);
        target.Write("["u8);
        for (var at = 0; at < Math.Min(changes.Count, MaximumChanges); at++)
        {
            target.Write(at == 0 ? "{\"field\":"u8 : ",{\"field\":"u8);
            Text(target, changes[at].Field);
            target.Write(",\"from\":"u8);
            Value(target, changes[at].From, 0);
            target.Write(",\"to\":"u8);
            Value(target, changes[at].To, 0);
            target.Write("}"u8);
        }

        target.Write("]"u8);
        return Encoding.UTF8.GetString(target.WrittenSpan);
    }

    private static void Value(ArrayBufferWriter<byte> target, object? value, int depth)
    {
        switch (value)
        {
            case null or JsonElement { ValueKind: JsonValueKind.Null or JsonValueKind.Undefined }:
                target.Write("null"u8);
                break;
            case bool truth:
                target.Write(truth ? "true"u8 : "false"u8);
                break;
            case string text:
                Text(target, text);
                break;
            case sbyte or byte or short or ushort or int or uint or long:
                Integer(target, Convert.ToInt64(value, CultureInfo.InvariantCulture));
                break;
            case double number when double.IsFinite(number):
                CanonicalJson.AppendNumber(target, number);
                break;
            case DateTimeOffset time:
                Text(target, Timestamp.ToText(time));
                break;
            case Enum word:
                Text(target, JsonNamingPolicy.SnakeCaseLower.ConvertName(word.ToString()));
                break;
            case SecretText or Content:
                Text(target, value.ToString()!);
                break;
            case JsonElement json when CanonicalJson.Of(json) is { Fault: null } canonical && canonical.Value.Length <= MaximumTextCharacters:
                target.Write(canonical.Value);
                break;
            case IReadOnlyDictionary<string, object?> map when depth < MaximumDepth:
                Map(target, map, depth);
                break;
            case IEnumerable list when value is not JsonElement && depth < MaximumDepth:
                List(target, list, depth);
                break;
            default:
                // Money, ids and all else that knows how to print itself.
                Text(target, value is IFormattable form ? form.ToString(null, CultureInfo.InvariantCulture) : value.ToString() ?? "");
                break;
        }
    }

    private static void Integer(ArrayBufferWriter<byte> target, long number)
    {
        if (number is >= -MaximumSafeInteger and <= MaximumSafeInteger)
        {
            CanonicalJson.AppendNumber(target, number);
        }
        else
        {
            Text(target, number.ToString(CultureInfo.InvariantCulture));
        }
    }

    private static void Text(ArrayBufferWriter<byte> target, string text)
    {
        if (text.Length <= MaximumTextCharacters)
        {
            CanonicalJson.AppendString(target, CleanText.Of(text, MaximumTextCharacters)!);
            return;
        }

        target.Write("{\"length\":"u8);
        CanonicalJson.AppendNumber(target, (long)text.Length);
        target.Write(",\"sha256\":"u8);
        CanonicalJson.AppendString(target, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text))));
        target.Write("}"u8);
    }

    private static void Map(ArrayBufferWriter<byte> target, IReadOnlyDictionary<string, object?> map, int depth)
    {
        var first = true;
        foreach (var (name, value) in map.OrderBy(static p => p.Key, StringComparer.Ordinal).Take(MaximumItems))
        {
            target.Write(first ? "{"u8 : ","u8);
            CanonicalJson.AppendString(target, CleanText.Of(name)!);
            target.Write(":"u8);
            Value(target, value, depth + 1);
            first = false;
        }

        target.Write(first ? "{}"u8 : "}"u8);
    }

    private static void List(ArrayBufferWriter<byte> target, IEnumerable list, int depth)
    {
        target.Write("["u8);
        var count = 0;
        foreach (var item in list)
        {
            if (count == MaximumItems)
            {
                break;
            }

            if (count++ > 0)
            {
                target.Write(","u8);
            }

            Value(target, item, depth + 1);
        }

        target.Write("]"u8);
    }
}
