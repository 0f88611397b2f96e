using System.Buffers;
using System.Text.Json;
using Crew.Gateway.Metering;
using Crew.Kernel;

namespace Crew.Gateway.Dialects.Translation;

/// <summary>Reads the answers of one dialect, whole or event by event. One per answer.</summary>
internal abstract class AnswerReader
{
    private const int MaxDepthLevels = 512;

    /// <summary>The answer; null where it is none that could be said in another dialect.</summary>
    public Answer? Read(ReadOnlySequence<byte> body, TokenCounts? usage)
    {
        try
        {
            using var document = JsonDocument.Parse(body, new JsonDocumentOptions { MaxDepth = MaxDepthLevels });
            return ReadWhole(document.RootElement) is { } answer ? answer with { Usage = usage } : null;
        }
        catch (Exception broken) when (broken is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Passes on what an event says. False: it could not be read, so the answer cannot be said to its end.</summary>
    public bool Read(ReadOnlySpan<byte> data, AnswerStream stream)
    {
        try
        {
            var reader = new Utf8JsonReader(data, new JsonReaderOptions { MaxDepth = MaxDepthLevels });
            using var document = JsonDocument.ParseValue(ref reader);
            ReadEvent(document.RootElement, stream);
            return true;
        }
        catch (Exception broken) when (broken is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            return IsNoObject(data, stream);
        }
    }

    protected abstract Answer? ReadWhole(JsonElement root);

    protected abstract void ReadEvent(JsonElement data, AnswerStream stream);

    /// <summary>An event whose data is no JSON, where the dialect has one.</summary>
    protected virtual bool IsNoObject(ReadOnlySpan<byte> data, AnswerStream stream) => false;

    /// <summary>A member's text; empty where it is missing or none.</summary>
    protected static string Text(JsonElement parent, string name) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";

    protected static int Number(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) ? number : 0;

    protected static IEnumerable<JsonElement> Items(JsonElement parent, string name) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Array ? value.EnumerateArray() : [];

    protected static bool TryGet(JsonElement parent, string name, out JsonElement value)
    {
        value = default;
        return parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out value) && value.ValueKind != JsonValueKind.Null;
    }

    /// <summary>A call whose arguments are an object; null for any others, which other dialects cannot say.</summary>
    protected static CallPart? Call(string id, string name, string arguments)
    {
        try
        {
            using var parsed = JsonDocument.Parse(arguments.Length == 0 ? "{}" : arguments);
            return parsed.RootElement.ValueKind == JsonValueKind.Object ? new CallPart(id, name, arguments.Length == 0 ? "{}" : arguments) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>The provider's own words for a failure inside a stream.</summary>
    protected static Fault FailureOf(JsonElement error) =>
        Text(error, "message") is { Length: > 0 } said ? GatewayFaults.ProviderUnavailable with { Message = said } : GatewayFaults.ProviderUnavailable;
}
