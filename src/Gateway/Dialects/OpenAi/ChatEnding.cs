using System.Buffers;
using System.Text.Json;
using Crew.Gateway.Metering;

namespace Crew.Gateway.Dialects.OpenAi;

/// <summary>The end of a streamed completion that the gateway itself cut at the output it pays for.</summary>
internal static class ChatEnding
{
    /// <param name="first">The data of the stream's first chunk, whose id, time, model and choices the end repeats.</param>
    /// <param name="choices">How many choices were asked for.</param>
    /// <param name="usage">Null where the client did not ask for it.</param>
    public static void Write(IBufferWriter<byte> output, ReadOnlySpan<byte> first, int choices, TokenCounts? usage)
    {
        output.Write("data: "u8);
        using (var json = new Utf8JsonWriter(output))
        {
            Open(json, first);
            json.WriteStartArray("choices"u8);
            for (var choice = 0; choice < choices; choice++)
            {
                json.WriteStartObject();
                json.WriteNumber("index"u8, choice);
                json.WriteStartObject("delta"u8);
                json.WriteEndObject();
                json.WriteString("finish_reason"u8, "length"u8);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        if (usage is { } counts)
        {
            output.Write("\n\ndata: "u8);
            using var json = new Utf8JsonWriter(output);
            Open(json, first);
            json.WriteStartArray("choices"u8);
            json.WriteEndArray();
            ChatUsage.Write(json, counts);
            json.WriteEndObject();
        }

        output.Write("\n\ndata: [DONE]\n\n"u8);
    }

    private static void Open(Utf8JsonWriter json, ReadOnlySpan<byte> first)
    {
        json.WriteStartObject();
        var reader = new Utf8JsonReader(first);
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                return;
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var name = reader.Is("id"u8) ? "id" : reader.Is("object"u8) ? "object"
                    : reader.Is("created"u8) ? "created" : reader.Is("model"u8) ? "model" : null;
                reader.Read();
                if (name is not null && reader.TokenType is JsonTokenType.String or JsonTokenType.Number)
                {
                    var start = (int)reader.TokenStartIndex;
                    json.WritePropertyName(name!);
                    json.WriteRawValue(first[start..(int)reader.BytesConsumed]);
                }

                reader.Skip();
            }
        }
        catch (JsonException)
        {
            // What could be read of it stands; the client's reader asks for no more than the choices.
        }
    }
}
