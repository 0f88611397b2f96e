using System.Buffers;
using System.Net;
using System.Net.Http.Headers;
using Crew.Gateway.Dialects.OpenAi;
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
        var path = request.RequestUri?.AbsolutePath ?? "";
        if (request.Method != HttpMethod.Post || !path.EndsWith("/chat/completions", StringComparison.Ordinal))
        {
            return Refuse(request, new Fault("unknown_url", 404, "The sandbox answers POST /chat/completions only."));
        }

        var body = request.Content is null ? [] : await request.Content.ReadAsByteArrayAsync(cancellationToken);
        var parsed = SandboxRequest.Parse(body);
        if (parsed.Failed(out var fault))
        {
            return Refuse(request, fault);
        }

        var planned = SandboxReply.Plan(parsed.Value);
        return planned.Failed(out fault) ? Refuse(request, fault) : await AnswerAsync(request, planned.Value, cancellationToken);
    }

    private async Task<HttpResponseMessage> AnswerAsync(HttpRequestMessage request, SandboxReply reply, CancellationToken cancel)
    {
        var script = reply.Script;
        var streams = reply.Request.Stream;
        await WaitAsync(script.FirstMs, cancel);
        if (script.Error is { } status && (script.After is null || !streams))
        {
            return Refuse(request, Scripted(status));
        }

        var writer = new SandboxWriter(reply, Id.New("chatcmpl-", clock), clock.GetUtcNow().ToUnixTimeSeconds());
        if (streams)
        {
            var content = new StreamContent(new SandboxStream(Steps(reply, writer), clock));
            return Respond(request, HttpStatusCode.OK, content, "text/event-stream");
        }

        await WaitAsync(script.DelayMs * reply.Tokens.Count, cancel);
        return script.Cut
            ? throw new HttpRequestException(HttpRequestError.ResponseEnded, "The sandbox broke the connection, as a directive asked.")
            : Respond(request, HttpStatusCode.OK, new ReadOnlyMemoryContent(writer.Completion()), "application/json");
    }

    private static IEnumerable<SandboxStep> Steps(SandboxReply reply, SandboxWriter writer)
    {
        var script = reply.Script;
        var choices = reply.Request.Choices;
        for (var choice = 0; choice < choices; choice++)
        {
            yield return new SandboxStep(writer.RoleChunk(choice));
        }

        var fails = script.Cut || script.Error is not null;
        var produced = fails ? Math.Min(script.After ?? reply.Tokens.Count, reply.Tokens.Count) : reply.Tokens.Count;
        for (var token = 0; token < produced; token++)
        {
            for (var choice = 0; choice < choices; choice++)
            {
                yield return new SandboxStep(writer.TokenChunk(choice, token), choice == 0 && token > 0 ? script.DelayMs : 0);
            }
        }

        if (fails)
        {
            yield return script.Error is { } status ? new SandboxStep(ErrorEvent(status)) : new SandboxStep(default, Breaks: true);
            yield break;
        }

        for (var choice = 0; choice < choices; choice++)
        {
            yield return new SandboxStep(writer.FinishChunk(choice));
        }

        if (reply.Request.IncludeUsage && script.Usage != "none")
        {
            yield return new SandboxStep(writer.UsageChunk());
        }

        yield return new SandboxStep("data: [DONE]\n\n"u8.ToArray());
    }

    private static Fault Scripted(int status) => new("sandbox_error", status, "The sandbox failed, as a directive asked.");

    private static ReadOnlyMemory<byte> ErrorEvent(int status)
    {
        var buffer = new ArrayBufferWriter<byte>();
        OpenAiErrors.WriteEvent(buffer, Scripted(status));
        return buffer.WrittenMemory;
    }

    private HttpResponseMessage Refuse(HttpRequestMessage request, Fault fault)
    {
        var buffer = new ArrayBufferWriter<byte>();
        OpenAiErrors.Write(buffer, fault);
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
