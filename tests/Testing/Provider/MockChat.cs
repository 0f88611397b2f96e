using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Crew.Testing;

/// <summary>Serves the inference endpoints as scripted and writes each request into the books.</summary>
internal sealed class MockChat(MockBooks books, MockPrices prices)
{
    private readonly MockAnswers _answers = new();

    public async Task ServeAsync(HttpContext context, Func<MockRequest, MockBehavior> choose, string? requiredCredential)
    {
        var arrived = Stopwatch.GetTimestamp();
        var ordinal = books.NextOrdinal();
        var (request, body, left) = (default(MockRequest), Array.Empty<byte>(), false);
        try
        {
            (request, body) = await MockRequest.ReadAsync(context, books.KeepsBodies);
        }
        catch (Exception gone) when (gone is OperationCanceledException or IOException or BadHttpRequestException)
        {
            // The client left in the middle of its own request; there is nobody to answer, and nothing to bill.
            left = true;
        }

        Remember(context, ordinal, body);
        var bill = OpenBill(context, ordinal, request);
        bill.Disconnected = left;
        try
        {
            if (!left)
            {
                await TreatAsync(new MockTurn(context, bill, arrived), request, choose, requiredCredential);
            }
        }
        catch (Exception gone) when (gone is OperationCanceledException or IOException)
        {
            bill.Disconnected = true;
        }
        finally
        {
            books.Close(bill, prices.NanoUsd(
                bill.PromptTokens, bill.CachedTokens, bill.CompletionTokens, bill.CacheWriteTokens, bill.LongCacheWriteTokens));
        }
    }

    public static Task RefuseAsync(HttpContext context, int status, string code, string message)
    {
        var body = MockRequest.FormOf(context.Request.Path.Value) is MockForm.Message or MockForm.Count ? MockMessages.Error(status, message) : JsonSerializer.SerializeToUtf8Bytes(new
        {
            error = new { message, type = ErrorType(status), param = (string?)null, code },
        });
        return SendAsync(context, status, "application/json", body);
    }

    private void Remember(HttpContext context, long ordinal, byte[] body)
    {
        if (books.KeepsBodies)
        {
            var headers = context.Request.Headers.ToDictionary(
                header => header.Key, header => header.Value.ToString(), StringComparer.OrdinalIgnoreCase);
            books.Keep(new MockRecord(ordinal, context.Request.Method, context.Request.Path.Value ?? "", headers, body));
        }
    }

    private MockBill OpenBill(HttpContext context, long ordinal, MockRequest? request)
    {
        var bill = new MockBill
        {
            Ordinal = ordinal,
            Path = context.Request.Path.Value ?? "",
            Model = request?.Model,
            Stream = request?.Stream ?? false,
            IncludeUsage = request?.IncludeUsage ?? false,
            Cap = request?.Cap,
            Choices = request?.Choices ?? 1,
            Credential = (string?)(request is not { IsAnthropic: true } ? context.Request.Headers.Authorization : context.Request.Headers["x-api-key"]),
        };
        books.Open(bill);
        return bill;
    }

    private async Task TreatAsync(
        MockTurn turn, MockRequest? request, Func<MockRequest, MockBehavior> choose, string? requiredCredential)
    {
        if (request is null)
        {
            turn.Bill.Status = 400;
            await RefuseAsync(turn.Context, 400, "invalid_json", "We could not parse the JSON body of your request.");
            return;
        }

        if (requiredCredential is not null && turn.Bill.Credential != (!request.IsAnthropic ? $"Bearer {requiredCredential}" : requiredCredential))
        {
            turn.Bill.Status = 401;
            await RefuseAsync(turn.Context, 401, "invalid_api_key", "Incorrect API key provided.");
            return;
        }

        await ActAsync(turn, request, choose(request));
    }

    private async Task ActAsync(MockTurn turn, MockRequest request, MockBehavior behavior)
    {
        var share = MockShare.Of(request, behavior);
        try
        {
            await WaitBeforeHeadersAsync(turn, behavior);
        }
        catch (OperationCanceledException)
        {
            Charge(turn.Bill, share, behavior.Status == 200 && !behavior.StopsBillingOnDisconnect ? share.Completion : 0, behavior);
            throw;
        }

        turn.Bill.Status = behavior.Status;
        foreach (var header in behavior.Headers ?? new Dictionary<string, string>())
        {
            turn.Context.Response.Headers.Append(header.Key, header.Value);
        }

        if (behavior.Shape != MockShape.Answer)
        {
            await MisbehaveAsync(turn.Context, behavior);
        }
        else if (behavior.Status != 200)
        {
            await FailAsync(turn.Context, behavior);
        }
        else if (request.Form == MockForm.Count)
        {
            await SendAsync(turn.Context, 200, "application/json", JsonSerializer.SerializeToUtf8Bytes(new { input_tokens = share.Prompt }));
        }
        else if (request.Form == MockForm.Embedding)
        {
            Charge(turn.Bill, share, 0, behavior);
            await SendAsync(turn.Context, 200, "application/json", MockResponses.RenderEmbeddings(request, share));
        }
        else if (request.Stream)
        {
            await new MockStream(turn, behavior, share, _answers.Frames(behavior, share)).SendAsync(Charge);
        }
        else
        {
            await AnswerAsync(turn, behavior, share);
        }
    }

    private async Task AnswerAsync(MockTurn turn, MockBehavior behavior, MockShare share)
    {
        Charge(turn.Bill, share, share.Completion, behavior);
        var body = _answers.Json(behavior, share);
        if (behavior.LatencyMaxMs > 0)
        {
            body = MockAnswers.Stamp(body, turn.ElapsedUs);
        }

        var response = turn.Context.Response;
        if (behavior.FirstByteDelayMs > 0 || behavior.CutAfterChunks is not null)
        {
            (response.ContentType, response.ContentLength) = ("application/json", body.Length);
            await response.BodyWriter.FlushAsync(turn.Context.RequestAborted);
            await Task.Delay(behavior.FirstByteDelayMs, turn.Context.RequestAborted);
        }

        if (behavior.CutAfterChunks is not null)
        {
            turn.Bill.Cut = true;
            await response.BodyWriter.WriteAsync(body.AsMemory(0, body.Length / 2), turn.Context.RequestAborted);
            await MockStream.CutAsync(turn.Context);
            return;
        }

        await SendAsync(turn.Context, 200, "application/json", body);
    }

    private static async Task WaitBeforeHeadersAsync(MockTurn turn, MockBehavior behavior)
    {
        if (behavior.LatencyMaxMs > 0)
        {
            var wait = Random.Shared.Next(behavior.LatencyMinMs, Math.Max(behavior.LatencyMinMs, behavior.LatencyMaxMs) + 1);
            await Task.Delay(wait, turn.Context.RequestAborted);
        }

        if (behavior.Gate is { } gate && behavior.GateAfterChunks is null)
        {
            await gate.WaitAsync(turn.Context.RequestAborted);
        }
    }

    private static Task MisbehaveAsync(HttpContext context, MockBehavior behavior) => behavior.Shape switch
    {
        MockShape.Hang => Task.Delay(Timeout.Infinite, context.RequestAborted),
        MockShape.Html => SendAsync(context, behavior.Status, "text/html; charset=utf-8",
            "<!doctype html><html><body><h1>Please sign in to the network</h1></body></html>"u8.ToArray()),
        _ => SendAsync(context, behavior.Status, "application/json", "{\"id\":\"chatcmpl-\xff\x00,,}}<<"u8.ToArray()),
    };

    private static Task FailAsync(HttpContext context, MockBehavior behavior) => behavior.ErrorBody is { } body
        ? SendAsync(context, behavior.Status, "application/json", Encoding.UTF8.GetBytes(body))
        : RefuseAsync(context, behavior.Status, Code(behavior.Status),
            string.Create(CultureInfo.InvariantCulture, $"The mock provider was told to answer {behavior.Status}."));

    private static string ErrorType(int status) =>
        status switch { 429 => "rate_limit_error", >= 500 => "server_error", _ => "invalid_request_error" };

    private static string Code(int status) => status switch
    {
        400 => "context_length_exceeded",
        401 => "invalid_api_key",
        403 => "unsupported_country_region_territory",
        404 => "model_not_found",
        429 => "rate_limit_exceeded",
        _ => "server_error",
    };

    private static async Task SendAsync(HttpContext context, int status, string contentType, byte[] body)
    {
        var response = context.Response;
        if (!response.HasStarted)
        {
            (response.StatusCode, response.ContentType, response.ContentLength) = (status, contentType, body.Length);
        }

        response.BodyWriter.Write(body);
        await response.BodyWriter.FlushAsync(context.RequestAborted);
    }

    private static void Charge(MockBill bill, MockShare share, long completion, MockBehavior behavior)
    {
        if (behavior.Status == 200 && behavior.Shape == MockShape.Answer && share.Form != MockForm.Count)
        {
            (bill.CacheWriteTokens, bill.LongCacheWriteTokens) = (share.CacheWrites, share.LongCacheWrites);
            (bill.PromptTokens, bill.CachedTokens, bill.CompletionTokens) = (share.Prompt, share.Cached, completion);
        }
    }
}

/// <summary>One request under treatment.</summary>
internal sealed record MockTurn(HttpContext Context, MockBill Bill, long ArrivedAt)
{
    public long ElapsedUs => (long)Stopwatch.GetElapsedTime(ArrivedAt).TotalMicroseconds;
}
