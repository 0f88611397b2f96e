using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Crew.Gateway.Dialects.OpenAi;
using Crew.Http;
using Crew.Kernel;

namespace Crew.Gateway.Sandbox;

/// <summary>
/// The provider of kind <c>sandbox</c>. It stands where a socket would, so that its models take the very path of a real provider:
/// a request goes in as bytes and an answer comes out as bytes, at its own pace.
/// </summary>
internal sealed class SandboxProvider(TimeProvider clock) : HttpMessageHandler
{
    /// <summary>The base address that requests to the sandbox carry; it is never resolved.</summary>
    public const string BaseAddress = "http://sandbox.invalid/v1";

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (request.Method == HttpMethod.Post && request.RequestUri?.AbsolutePath.EndsWith("/embeddings", StringComparison.Ordinal) == true)
        {
            var body = request.Content is null ? [] : await request.Content.ReadAsByteArrayAsync(cancellationToken);
            var vectors = SandboxEmbeddings.Answer(body);
            return vectors.Failed(out var wrong)
                ? Refuse(request, wrong, isAnthropic: false)
                : Respond(request, HttpStatusCode.OK, new ReadOnlyMemoryContent(vectors.Value), "application/json");
        }

        if (request.Method == HttpMethod.Post && SandboxMedia.FormatOf(request.RequestUri?.AbsolutePath ?? "") is { } media)
        {
            var body = request.Content is null ? [] : await request.Content.ReadAsByteArrayAsync(cancellationToken);
            var answer = SandboxMedia.Answer(media, request.Content?.Headers.ContentType, body, clock.GetUtcNow());
            return answer.Failed(out var wrong)
                ? Refuse(request, wrong, isAnthropic: false)
                : Respond(request, HttpStatusCode.OK, new ReadOnlyMemoryContent(answer.Value.Bytes), answer.Value.MediaType);
        }

        var isAnthropic = request.RequestUri is { } url && url.AbsolutePath.Contains("/messages", StringComparison.Ordinal);
        var asked = await AskAsync(request, cancellationToken);
        if (asked.Failed(out var fault))
        {
            return Refuse(request, fault, isAnthropic);
        }

        if (asked.Value.Format == SandboxFormat.Count)
        {
            return Respond(request, HttpStatusCode.OK, Counted(asked.Value.PromptTokens), "application/json");
        }

        var planned = SandboxReply.Plan(asked.Value);
        return planned.Failed(out fault) ? Refuse(request, fault, isAnthropic) : await AnswerAsync(request, planned.Value, isAnthropic, cancellationToken);
    }

    /// <summary>What the request asks for, by the end of its path.</summary>
    private static async Task<Outcome<SandboxRequest>> AskAsync(HttpRequestMessage request, CancellationToken cancel)
    {
        var path = request.RequestUri?.AbsolutePath ?? "";
        var format = path.EndsWith("/chat/completions", StringComparison.Ordinal) ? SandboxFormat.Chat
            : path.EndsWith("/messages", StringComparison.Ordinal) ? SandboxFormat.Message
            : path.EndsWith("/responses", StringComparison.Ordinal) ? SandboxFormat.Response
            : path.EndsWith("/messages/count_tokens", StringComparison.Ordinal) ? SandboxFormat.Count
            : (SandboxFormat?)null;
        if (format is not { } known || request.Method != HttpMethod.Post)
        {
            return new Fault("unknown_url", 404, "The sandbox has no such endpoint.");
        }

        var body = request.Content is null ? [] : await request.Content.ReadAsByteArrayAsync(cancel);
        return SandboxRequest.Parse(body, known);
    }

    private static ReadOnlyMemoryContent Counted(int tokens) =>
        new(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{{\"input_tokens\":{tokens}}}")));

    private async Task<HttpResponseMessage> AnswerAsync(HttpRequestMessage request, SandboxReply reply, bool isAnthropic, CancellationToken cancel)
    {
        var script = reply.Script;
        var streams = reply.Request.Stream;
        await WaitAsync(script.FirstMs, cancel);
        if (script.Error is { } status && (script.After is null || !streams))
        {
            return Refuse(request, Scripted(status), isAnthropic);
        }

        var voice = VoiceOf(reply);
        if (streams)
        {
            var content = new StreamContent(new SandboxStream(Steps(reply, voice, isAnthropic), clock));
            return Respond(request, HttpStatusCode.OK, content, "text/event-stream");
        }

        await WaitAsync(script.DelayMs * reply.Tokens.Count, cancel);
        return script.Cut
            ? throw new HttpRequestException(HttpRequestError.ResponseEnded, "The sandbox broke the connection, as a directive asked.")
            : Respond(request, HttpStatusCode.OK, new ReadOnlyMemoryContent(voice.Whole()), "application/json");
    }

    private SandboxVoice VoiceOf(SandboxReply reply) => reply.Request.Format switch
    {
        SandboxFormat.Message => new MessageVoice(reply, Id.New("msg_", clock)),
        SandboxFormat.Response => new ResponseVoice(reply, Id.New("resp_", clock), clock.GetUtcNow().ToUnixTimeSeconds()),
        _ => new ChatVoice(reply, Id.New("chatcmpl-", clock), clock.GetUtcNow().ToUnixTimeSeconds()),
    };

    private static IEnumerable<SandboxStep> Steps(SandboxReply reply, SandboxVoice voice, bool isAnthropic)
    {
        var script = reply.Script;
        foreach (var opening in voice.Opening())
        {
            yield return new SandboxStep(opening);
        }

        var fails = script.Cut || script.Error is not null;
        var produced = fails ? Math.Min(script.After ?? reply.Tokens.Count, reply.Tokens.Count) : reply.Tokens.Count;
        for (var token = 0; token < produced; token++)
        {
            for (var choice = 0; choice < reply.Request.Choices; choice++)
            {
                yield return new SandboxStep(voice.Token(choice, token), choice == 0 && token > 0 ? script.DelayMs : 0);
            }
        }

        if (fails)
        {
            yield return script.Error is { } status ? new SandboxStep(voice.Failing(Scripted(status)) ?? ErrorEvent(status, isAnthropic)) : new SandboxStep(default, Breaks: true);
            yield break;
        }

        foreach (var closing in voice.Closing())
        {
            yield return new SandboxStep(closing);
        }
    }

    private static Fault Scripted(int status) => new("sandbox_error", status, "The sandbox failed, as a directive asked.");

    private static byte[] ErrorEvent(int status, bool isAnthropic)
    {
        var buffer = new ArrayBufferWriter<byte>();
        buffer.Write(isAnthropic ? "event: error\ndata: "u8 : "data: "u8);
        WriteError(buffer, Scripted(status), isAnthropic);
        buffer.Write("\n\n"u8);
        return buffer.WrittenSpan.ToArray();
    }

    private static void WriteError(ArrayBufferWriter<byte> buffer, Fault fault, bool isAnthropic)
    {
        if (isAnthropic)
        {
            ErrorWriter.Render(Dialect.Anthropic, fault, "req_sandbox", buffer);
        }
        else
        {
            OpenAiErrors.Write(buffer, fault);
        }
    }

    private HttpResponseMessage Refuse(HttpRequestMessage request, Fault fault, bool isAnthropic)
    {
        var buffer = new ArrayBufferWriter<byte>();
        WriteError(buffer, fault, isAnthropic);
        return Respond(request, (HttpStatusCode)fault.Status, new ReadOnlyMemoryContent(buffer.WrittenMemory), "application/json");
    }

    private HttpResponseMessage Respond(HttpRequestMessage request, HttpStatusCode status, HttpContent content, string mediaType)
    {
        content.Headers.ContentType = new MediaTypeHeaderValue(mediaType, mediaType == "text/event-stream" ? "utf-8" : null);
        var response = new HttpResponseMessage(status) { Content = content, RequestMessage = request, Version = HttpVersion.Version11 };
        response.Headers.Date = clock.GetUtcNow();
        response.Headers.TryAddWithoutValidation("x-request-id", Id.New("sandbox_", clock));
        response.Headers.TryAddWithoutValidation("openai-version", "2020-10-01");
        return response;
    }

    private Task WaitAsync(int milliseconds, CancellationToken cancel) =>
        milliseconds == 0 ? Task.CompletedTask : Task.Delay(TimeSpan.FromMilliseconds(milliseconds), clock, cancel);
}
