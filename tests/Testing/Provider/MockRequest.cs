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
        else if (json.ValueTextEquals("max_tokens"u8) || json.ValueTextEquals("max_completion_tokens"u8))
        {
            json.Read();
            Cap = json.TokenType == JsonTokenType.Number ? json.GetInt64() : Cap;
        }
        else if (json.ValueTextEquals("n"u8))
        {
            json.Read();
            Choices = json.TokenType == JsonTokenType.Number ? Math.Clamp(json.GetInt32(), 1, 128) : 1;
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
