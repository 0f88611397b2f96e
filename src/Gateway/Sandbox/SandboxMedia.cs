using System.Buffers;
using System.Buffers.Binary;
using System.Net.Http.Headers;
using System.Text.Json;
using Crew.Gateway.Dialects;
using Crew.Gateway.Dialects.OpenAi;
using Crew.Kernel;

namespace Crew.Gateway.Sandbox;

/// <summary>What the sandbox answers at an endpoint that passes as it comes.</summary>
internal readonly record struct SandboxMediaAnswer(ReadOnlyMemory<byte> Bytes, string MediaType);

/// <summary>
/// The sandbox at the endpoints that pass as they come: completions that echo, nothing objectionable, images of one grey pixel, silence for
/// speech, and a transcript that says how much was sent. Deterministic, with the usage that real answers carry.
/// </summary>
internal static class SandboxMedia
{
    private const int MaxImages = 10;
    private const int ImageTokens = 272;
    private const int SamplesPerSecond = 8_000;
    private const int MostSpeechTokens = 600;
    private const int SamplesPerToken = SamplesPerSecond / 10;

    /// <summary>A grey pixel as PNG.</summary>
    private const string Pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB2kUIOwAAAABJRU5ErkJggg==";

    /// <summary>The format whose path this is; null for any other.</summary>
    public static WireFormat? FormatOf(string path) => WireFormats.All.FirstOrDefault(f => f.IsPassThrough && path.EndsWith(f.ClientPath, StringComparison.Ordinal));

    /// <summary>Any bytes give an answer or a fault.</summary>
    public static Outcome<SandboxMediaAnswer> Answer(WireFormat format, MediaTypeHeaderValue? type, ReadOnlyMemory<byte> body, DateTimeOffset now)
    {
        if (FormScan.IsForm(type?.ToString()))
        {
            return format.Operation is Operation.ImageEdits or Operation.ImageVariations ? Json(json => WriteImages(json, 1, body.Length, now)) : Transcript(body.Length);
        }

        try
        {
            using var document = JsonDocument.Parse(body);
            var root = document.RootElement;
            return format.Operation switch
            {
                Operation.Completions => Completion(root, now),
                Operation.Moderations => Json(json => WriteModeration(json, root, now)),
                Operation.Speech => new SandboxMediaAnswer(Silence(SandboxTokens.Count(TextOf(root, "input"))), "audio/wav"),
                Operation.Transcriptions or Operation.Translations => Transcript(body.Length),
                _ => Images(root, now),
            };
        }
        catch (Exception broken) when (broken is JsonException or InvalidOperationException)
        {
            return Bad("body", "The body could not be parsed as JSON text.");
        }
    }

    private static Fault Bad(string field, string message) => new Fault("invalid_value", 400, message).At(field);

    private static string TextOf(JsonElement root, string name) =>
        root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";

    private static Outcome<SandboxMediaAnswer> Completion(JsonElement root, DateTimeOffset now)
    {
        var cap = root.TryGetProperty("max_tokens", out var asked) && asked.TryGetInt32(out var most) && most > 0 ? most : int.MaxValue;
        var prompt = TextOf(root, "prompt");
        var tokens = SandboxTokens.Split(prompt);
        var kept = tokens[..Math.Min(tokens.Count, cap)];
        var finish = kept.Count < tokens.Count ? "length" : "stop";
        var id = Id.New("cmpl-", now);
        if (!root.TryGetProperty("stream", out var stream) || stream.ValueKind != JsonValueKind.True)
        {
            return Json(json => WriteCompletion(json, id, now, string.Concat(kept), finish, (tokens.Count, kept.Count)));
        }

        var output = new ArrayBufferWriter<byte>(4_096);
        foreach (var token in kept)
        {
            Event(output, json => WriteCompletion(json, id, now, token, null, null));
        }

        Event(output, json => WriteCompletion(json, id, now, "", finish, (tokens.Count, kept.Count)));
        output.Write("data: [DONE]\n\n"u8);
        return new SandboxMediaAnswer(output.WrittenMemory, "text/event-stream");
    }

    private static void WriteCompletion(Utf8JsonWriter json, string id, DateTimeOffset now, string text, string? finish, (int Input, int Output)? usage)
    {
        json.WriteString("id"u8, id);
        json.WriteString("object"u8, "text_completion"u8);
        json.WriteNumber("created"u8, now.ToUnixTimeSeconds());
        json.WriteString("model"u8, SandboxModels.Echo);
        json.WriteStartArray("choices"u8);
        json.WriteStartObject();
        json.WriteString("text"u8, text);
        json.WriteNumber("index"u8, 0);
        json.WriteNull("logprobs"u8);
        json.WriteString("finish_reason"u8, finish);
        json.WriteEndObject();
        json.WriteEndArray();
        if (usage is var (input, output))
        {
            json.WriteStartObject("usage"u8);
            json.WriteNumber("prompt_tokens"u8, input);
            json.WriteNumber("completion_tokens"u8, output);
            json.WriteNumber("total_tokens"u8, input + output);
            json.WriteEndObject();
        }
    }

    private static void WriteModeration(Utf8JsonWriter json, JsonElement root, DateTimeOffset now)
    {
        var inputs = root.TryGetProperty("input", out var input) && input.ValueKind == JsonValueKind.Array ? input.GetArrayLength() : 1;
        json.WriteString("id"u8, Id.New("modr-", now));
        json.WriteString("model"u8, SandboxModels.Echo);
        json.WriteStartArray("results"u8);
        for (var number = 0; number < inputs; number++)
        {
            json.WriteStartObject();
            json.WriteBoolean("flagged"u8, false);
            json.WriteStartObject("categories"u8);
            json.WriteEndObject();
            json.WriteStartObject("category_scores"u8);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static Outcome<SandboxMediaAnswer> Images(JsonElement root, DateTimeOffset now)
    {
        var count = 1;
        return root.TryGetProperty("n", out var n) && n.ValueKind != JsonValueKind.Null && (!n.TryGetInt32(out count) || count is < 1 or > MaxImages)
            ? Bad("n", $"n must be from 1 to {MaxImages}.")
            : Json(json => WriteImages(json, count, SandboxTokens.Count(TextOf(root, "prompt")), now));
    }

    private static void WriteImages(Utf8JsonWriter json, int count, int inputTokens, DateTimeOffset now)
    {
        json.WriteNumber("created"u8, now.ToUnixTimeSeconds());
        json.WriteStartArray("data"u8);
        for (var number = 0; number < count; number++)
        {
            json.WriteStartObject();
            json.WriteString("b64_json"u8, Pixel);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        WriteUsage(json, inputTokens, ImageTokens * count);
    }

    private static Outcome<SandboxMediaAnswer> Transcript(int bytes) => Json(json =>
    {
        json.WriteString("text"u8, $"A recording in a request of {bytes} bytes.");
        WriteUsage(json, bytes, 10);
    });

    private static void WriteUsage(Utf8JsonWriter json, int input, int output)
    {
        json.WriteStartObject("usage"u8);
        json.WriteString("type"u8, "tokens"u8);
        json.WriteNumber("input_tokens"u8, input);
        json.WriteNumber("output_tokens"u8, output);
        json.WriteNumber("total_tokens"u8, input + output);
        json.WriteEndObject();
    }

    /// <summary>A WAV file: a tenth of a second of silence per token, one byte a sample.</summary>
    private static byte[] Silence(int tokens)
    {
        const int HeadBytes = 44;
        var samples = Math.Min(tokens, MostSpeechTokens) * SamplesPerToken;
        var wave = new byte[HeadBytes + samples];
        wave.AsSpan(HeadBytes).Fill(128);
        "RIFF"u8.CopyTo(wave);
        BinaryPrimitives.WriteInt32LittleEndian(wave.AsSpan(4), HeadBytes - 8 + samples);
        "WAVEfmt "u8.CopyTo(wave.AsSpan(8));
        BinaryPrimitives.WriteInt32LittleEndian(wave.AsSpan(16), 16);
        BinaryPrimitives.WriteInt16LittleEndian(wave.AsSpan(20), 1);
        BinaryPrimitives.WriteInt16LittleEndian(wave.AsSpan(22), 1);
        BinaryPrimitives.WriteInt32LittleEndian(wave.AsSpan(24), SamplesPerSecond);
        BinaryPrimitives.WriteInt32LittleEndian(wave.AsSpan(28), SamplesPerSecond);
        BinaryPrimitives.WriteInt16LittleEndian(wave.AsSpan(32), 1);
        BinaryPrimitives.WriteInt16LittleEndian(wave.AsSpan(34), 8);
        "data"u8.CopyTo(wave.AsSpan(36));
        BinaryPrimitives.WriteInt32LittleEndian(wave.AsSpan(40), samples);
        return wave;
    }

    private static Outcome<SandboxMediaAnswer> Json(Action<Utf8JsonWriter> members)
    {
        var output = new ArrayBufferWriter<byte>(1_024);
        Write(output, members);
        return new SandboxMediaAnswer(output.WrittenMemory, "application/json");
    }

    private static void Event(ArrayBufferWriter<byte> output, Action<Utf8JsonWriter> members)
    {
        output.Write("data: "u8);
        Write(output, members);
        output.Write("\n\n"u8);
    }

    private static void Write(ArrayBufferWriter<byte> output, Action<Utf8JsonWriter> members)
    {
        using var json = new Utf8JsonWriter(output);
        json.WriteStartObject();
        members(json);
        json.WriteEndObject();
    }
}
