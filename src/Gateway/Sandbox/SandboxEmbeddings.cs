using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Crew.Kernel;

namespace Crew.Gateway.Sandbox;

/// <summary>
/// The answers of <c>crew-sandbox-embed</c>: unit vectors that depend on nothing but the text, so that equal texts are near and others are
/// not. As floats or as base64 of little-endian 32-bit floats.
/// </summary>
internal static class SandboxEmbeddings
{
    public const int MaxInputs = 2_048;
    public const int MaxDimensions = 1_024;
    private const int DefaultDimensions = 256;

    /// <summary>Any bytes give an answer or a fault.</summary>
    public static Outcome<ReadOnlyMemory<byte>> Answer(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            return document.RootElement.ValueKind == JsonValueKind.Object ? Answer(document.RootElement) : Bad("input", "The body must be a JSON object.");
        }
        catch (Exception broken) when (broken is JsonException or InvalidOperationException or FormatException)
        {
            return Bad("input", "The body could not be parsed as JSON text.");
        }
    }

    private static Outcome<ReadOnlyMemory<byte>> Answer(JsonElement root)
    {
        var dimensions = DefaultDimensions;
        if (root.TryGetProperty("dimensions", out var asked)
            && (!asked.TryGetInt32(out dimensions) || dimensions is < 1 or > MaxDimensions))
        {
            return Bad("dimensions", $"dimensions must be from 1 to {MaxDimensions}.");
        }

        if (root.TryGetProperty("model", out var model) && model.GetString() != SandboxModels.Embed)
        {
            return new Fault("model_not_found", 404, "The sandbox has no embeddings model of this name.").At("model");
        }

        var encoding = root.TryGetProperty("encoding_format", out var format) ? format.GetString() ?? "float" : "float";
        if (encoding is not ("float" or "base64"))
        {
            return Bad("encoding_format", "encoding_format must be float or base64.");
        }

        var inputs = root.TryGetProperty("input", out var input) ? Inputs(input) : [];
        return inputs.Count is 0 or > MaxInputs || inputs.Exists(static i => i.Tokens == 0)
            ? Bad("input", $"input must be a text, a list of tokens, or a list of 1 to {MaxInputs} of either, none of them empty.")
            : Write(inputs, dimensions, encoding == "base64");
    }

    private static Fault Bad(string field, string message) => new Fault("invalid_value", 400, message).At(field);

    /// <summary>What each vector is made of, and how many tokens that is.</summary>
    private static List<(string Text, int Tokens)> Inputs(JsonElement input)
    {
        if (input.ValueKind != JsonValueKind.Array)
        {
            return [Input(input)];
        }

        return input.GetArrayLength() > 0 && input[0].ValueKind == JsonValueKind.Number
            ? [Input(input)]
            : [.. input.EnumerateArray().Take(MaxInputs + 1).Select(Input)];
    }

    private static (string Text, int Tokens) Input(JsonElement one) => one.ValueKind switch
    {
        JsonValueKind.String => (one.GetString()!, SandboxTokens.Count(one.GetString()!)),
        JsonValueKind.Array => (one.GetRawText(), one.GetArrayLength()),
        _ => ("", 0),
    };

    private static ReadOnlyMemory<byte> Write(List<(string Text, int Tokens)> inputs, int dimensions, bool isBase64)
    {
        var output = new ArrayBufferWriter<byte>(4_096);
        using var json = new Utf8JsonWriter(output);
        json.WriteStartObject();
        json.WriteString("object"u8, "list"u8);
        json.WriteStartArray("data"u8);
        for (var index = 0; index < inputs.Count; index++)
        {
            json.WriteStartObject();
            json.WriteString("object"u8, "embedding"u8);
            json.WriteNumber("index"u8, index);
            WriteVector(json, Vector(inputs[index].Text, dimensions), isBase64);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteString("model"u8, SandboxModels.Embed);
        var tokens = inputs.Sum(static i => i.Tokens);
        json.WriteStartObject("usage"u8);
        json.WriteNumber("prompt_tokens"u8, tokens);
        json.WriteNumber("total_tokens"u8, tokens);
        json.WriteEndObject();
        json.WriteEndObject();
        json.Flush();
        return output.WrittenMemory;
    }

    private static void WriteVector(Utf8JsonWriter json, float[] vector, bool isBase64)
    {
        if (!isBase64)
        {
            json.WriteStartArray("embedding"u8);
            foreach (var number in vector)
            {
                json.WriteNumberValue(number);
            }

            json.WriteEndArray();
            return;
        }

        var bytes = new byte[vector.Length * sizeof(float)];
        for (var index = 0; index < vector.Length; index++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(index * sizeof(float)), vector[index]);
        }

        json.WriteBase64String("embedding"u8, bytes);
    }

    private static float[] Vector(string text, int dimensions)
    {
        var vector = new float[dimensions];
        var (sum, at) = (0.0, 0);
        for (var block = 0; at < dimensions; block++)
        {
            foreach (var value in SHA256.HashData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{block}:{text}"))))
            {
                if (at < dimensions)
                {
                    vector[at] = value - 127.5f;
                    sum += vector[at] * vector[at];
                    at++;
                }
            }
        }

        var length = (float)Math.Sqrt(sum);
        return [.. vector.Select(number => number / length)];
    }
}
