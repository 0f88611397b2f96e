using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Crew.Kernel;

namespace Crew.Gateway.Dialects.Translation;

/// <summary>What stands in a translated body beside the conversation.</summary>
internal readonly record struct WriteTerms(string Model, int? OutputCap, bool Stream)
{
    /// <summary>The provider takes no wish for usage.</summary>
    public bool IsUsageRefused { get; init; }
}

/// <summary>Writes a <see cref="Conversation"/> as a request of one dialect.</summary>
internal abstract class RequestWriter
{
    protected static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    /// <summary>What the dialect cannot say; null where all of it can be written.</summary>
    public abstract Fault? Check(Conversation conversation, WriteTerms terms);

    /// <summary>The body; for a conversation that <see cref="Check"/> let pass.</summary>
    public ReadOnlyMemory<byte> Write(Conversation conversation, WriteTerms terms)
    {
        var output = new ArrayBufferWriter<byte>(4_096);
        using (var json = new Utf8JsonWriter(output, Options))
        {
            json.WriteStartObject();
            json.WriteString("model"u8, terms.Model);
            Write(json, conversation, terms);
            json.WriteEndObject();
        }

        return output.WrittenMemory;
    }

    protected abstract void Write(Utf8JsonWriter json, Conversation conversation, WriteTerms terms);

    protected static void WriteNumber(Utf8JsonWriter json, string name, string? number)
    {
        if (number is not null)
        {
            json.WritePropertyName(name);
            json.WriteRawValue(number, skipInputValidation: true);
        }
    }

    protected static void WriteRaw(Utf8JsonWriter json, string name, string raw)
    {
        json.WritePropertyName(name);
        json.WriteRawValue(raw, skipInputValidation: true);
    }

    /// <summary>The members of a form that the answer must have, beside its type.</summary>
    protected static void WriteSchema(Utf8JsonWriter json, OutputFormat format)
    {
        if (format.Name is { } name)
        {
            json.WriteString("name"u8, name);
        }

        if (format.Description is { } description)
        {
            json.WriteString("description"u8, description);
        }

        if (format.Schema is { } schema)
        {
            WriteRaw(json, "schema", schema);
        }

        if (format.IsStrict is { } strict)
        {
            json.WriteBoolean("strict"u8, strict);
        }
    }

    protected static string DataUrl(ImagePart image) => image.Url ?? $"data:{image.MediaType};base64,{image.Data}";

    /// <summary>The text of what a tool gave back, where a dialect takes no more than text there; null where it holds more.</summary>
    protected static IEnumerable<string>? Texts(ResultPart result) =>
        result.Content.All(static part => part is TextPart) ? result.Content.Cast<TextPart>().Select(static part => part.Text) : null;

    /// <summary>Where the dialects of OpenAI differ from a turn: results come first, calls last, reasoning carries no signature.</summary>
    protected static Fault? CheckTurns(Conversation conversation, Func<Part, Fault?> checkPart)
    {
        foreach (var turn in conversation.Turns)
        {
            var rank = 0;
            foreach (var part in turn.Parts)
            {
                var next = RankOf(part, turn.IsAssistant);
                if (next < rank)
                {
                    return GatewayFaults.NotCarried(conversation.Names.Turns,
                        "must hold the results of tools before anything else, and their calls after everything else.");
                }

                rank = next;
                if (checkPart(part) is { } refused)
                {
                    return refused;
                }
            }
        }

        return null;
    }

    private static int RankOf(Part part, bool isAssistant) => part switch
    {
        ThinkingPart or SealedThinkingPart => 0,
        ResultPart => 0,
        CallPart => 2,
        _ => isAssistant ? 1 : 2,
    };
}
