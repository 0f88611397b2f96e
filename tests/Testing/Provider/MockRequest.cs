using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Crew.Testing;

/// <summary>The endpoint that was called.</summary>
public enum MockForm
{
    /// <summary><c>/v1/chat/completions</c>.</summary>
    Chat,

    /// <summary><c>/v1/messages</c>.</summary>
    Message,

    /// <summary><c>/v1/messages/count_tokens</c>.</summary>
    Count,

    /// <summary><c>/v1/responses</c>.</summary>
    Response,

    /// <summary><c>/v1/embeddings</c>.</summary>
    Embedding,
}

/// <summary>The few fields of a request that the mock provider heeds; read in one pass, nothing kept of the rest.</summary>
public sealed record MockRequest
{
    public MockForm Form { get; private init; }

    public string? Model { get; private set; }

    public bool Stream { get; private set; }

    public bool IncludeUsage { get; private set; }

    public long? Cap { get; private set; }

    public int Choices { get; private set; } = 1;

    public bool HasTools { get; private set; }

    /// <summary>How many vectors are asked for.</summary>
    public int Inputs { get; private set; } = 1;

    public bool WantsBase64 { get; private set; }

    public bool IsAnthropic => Form is MockForm.Message or MockForm.Count;

    public long BodyBytes { get; private set; }

    /// <summary>Reads the whole body. Null: it is not a JSON object.</summary>
    internal static async ValueTask<(MockRequest? Request, byte[] Body)> ReadAsync(HttpContext context, bool keepBody)
    {
        var reader = context.Request.BodyReader;
        ReadResult read;
        while (true)
        {
            read = await reader.ReadAsync(context.RequestAborted);
            if (read.IsCompleted)
            {
                break;
            }

            reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }

        var request = Parse(read.Buffer, FormOf(context.Request.Path.Value));
        var body = keepBody ? read.Buffer.ToArray() : [];
        reader.AdvanceTo(read.Buffer.End);
        return (request, body);
    }

    /// <summary>The endpoint of a path; chat where it is none.</summary>
    internal static MockForm FormOf(string? path) => path switch
    {
        "/v1/messages" => MockForm.Message,
        "/v1/messages/count_tokens" => MockForm.Count,
        "/v1/responses" => MockForm.Response,
        "/v1/embeddings" => MockForm.Embedding,
        _ => MockForm.Chat,
    };

    internal static MockRequest? Parse(ReadOnlySequence<byte> body, MockForm form = MockForm.Chat)
    {
        var request = new MockRequest { BodyBytes = body.Length, Form = form };
        try
        {
            var json = new Utf8JsonReader(body);
            if (!json.Read() || json.TokenType != JsonTokenType.StartObject)
            {
                return null;
            }

            while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
            {
                request.ReadField(ref json);
            }

            return json.TokenType == JsonTokenType.EndObject && !json.Read() ? request : null;
        }
        catch (Exception malformed) when (malformed is JsonException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    private void ReadField(ref Utf8JsonReader json)
    {
        if (json.ValueTextEquals("model"u8))
        {
            json.Read();
            Model = json.GetString();
        }
        else if (json.ValueTextEquals("stream"u8))
        {
            json.Read();
            Stream = json.TokenType == JsonTokenType.True;
        }
        else if (json.ValueTextEquals("max_tokens"u8) || json.ValueTextEquals("max_completion_tokens"u8) || json.ValueTextEquals("max_output_tokens"u8))
        {
            json.Read();
            Cap = json.TokenType == JsonTokenType.Number ? json.GetInt64() : Cap;
        }
        else if (json.ValueTextEquals("n"u8))
        {
            json.Read();
            Choices = json.TokenType == JsonTokenType.Number ? Math.Clamp(json.GetInt32(), 1, 128) : 1;
        }
        else if (Form == MockForm.Embedding && json.ValueTextEquals("input"u8))
        {
            json.Read();
            Inputs = CountInputs(ref json);
        }
        else if (json.ValueTextEquals("encoding_format"u8))
        {
            json.Read();
            WantsBase64 = json.ValueTextEquals("base64"u8);
        }
        else if (json.ValueTextEquals("tools"u8))
        {
            HasTools = true;
            json.Read();
            json.Skip();
        }
        else if (json.ValueTextEquals("stream_options"u8))
        {
            json.Read();
            ReadStreamOptions(ref json);
        }
        else
        {
            json.Read();
            json.Skip();
        }
    }

    /// <summary>A list of numbers is one input, as a text is.</summary>
    private static int CountInputs(ref Utf8JsonReader json)
    {
        if (json.TokenType != JsonTokenType.StartArray)
        {
            return 1;
        }

        var (count, numbers) = (0, false);
        while (json.Read() && json.TokenType != JsonTokenType.EndArray)
        {
            numbers |= json.TokenType == JsonTokenType.Number;
            count++;
            json.Skip();
        }

        return numbers ? 1 : count;
    }

    private void ReadStreamOptions(ref Utf8JsonReader json)
    {
        if (json.TokenType != JsonTokenType.StartObject)
        {
            json.Skip();
            return;
        }

        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            var usage = json.ValueTextEquals("include_usage"u8);
            json.Read();
            IncludeUsage |= usage && json.TokenType == JsonTokenType.True;
            json.Skip();
        }
    }
}
