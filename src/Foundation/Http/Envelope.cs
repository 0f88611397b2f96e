using System.Text.Json;
using System.Text.Json.Serialization;

namespace Crew.Http;

/// <summary>A successful answer.</summary>
public sealed record Envelope<T>(bool Success, T Data);

/// <summary>A successful answer with one page of a list.</summary>
public sealed record ListEnvelope<T>(bool Success, IReadOnlyList<T> Data, Pagination Pagination);

/// <summary>Where the next page begins.</summary>
public sealed record Pagination(string? NextCursor, bool HasMore);

/// <summary>A refusal in the envelope dialect.</summary>
public sealed record ErrorEnvelope(bool Success, ErrorBody Error, string RequestId);

/// <summary>The refusal itself.</summary>
public sealed record ErrorBody(string Code, string Message)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, object?>? Details { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? RetryAfter { get; init; }
}

/// <summary>The one set of JSON rules of the management API.</summary>
public static class ApiJson
{
    public static readonly JsonSerializerOptions Options = Make();

    private static JsonSerializerOptions Make()
    {
        var options = new JsonSerializerOptions
        {
            PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
            DictionaryKeyPolicy = null,
            UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
            AllowDuplicateProperties = false,
            NumberHandling = JsonNumberHandling.Strict,
            RespectNullableAnnotations = true,
            RespectRequiredConstructorParameters = false,
            MaxDepth = 32,
            Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            TypeInfoResolver = new System.Text.Json.Serialization.Metadata.DefaultJsonTypeInfoResolver(),
        };
        options.Converters.Add(new StrictText());
        options.Converters.Add(new TimeText());
        options.Converters.Add(new MoneyText());
        options.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false));
        return options;
    }

    /// <summary>Text without U+0000, which PostgreSQL cannot keep and no name needs.</summary>
    private sealed class StrictText : JsonConverter<string>
    {
        public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            if (reader.TokenType != JsonTokenType.String)
            {
                throw new JsonException("expected text");
            }

            var text = reader.GetString();
            return text is not null && text.Contains('\0', StringComparison.Ordinal) ? throw new JsonException("U+0000 is not allowed in text") : text;
        }

        public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) => writer.WriteStringValue(value);
    }

    private sealed class TimeText : JsonConverter<DateTimeOffset>
    {
        public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.TokenType == JsonTokenType.String && Kernel.Timestamp.TryParse(reader.GetString(), out var at)
                ? at
                : throw new JsonException("expected an RFC 3339 time such as 2026-11-01T12:00:00Z");

        public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) =>
            writer.WriteStringValue(Kernel.Timestamp.ToText(value));
    }

    private sealed class MoneyText : JsonConverter<Kernel.NanoUsd>
    {
        public override Kernel.NanoUsd Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.TokenType == JsonTokenType.String && Kernel.NanoUsd.TryParse(reader.GetString(), out var amount)
                ? amount
                : throw new JsonException("expected an amount as a decimal string such as \"12.50\", with at most 9 digits before and after the point");

        public override void Write(Utf8JsonWriter writer, Kernel.NanoUsd value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());
    }
}
