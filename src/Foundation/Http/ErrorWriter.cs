using System.Buffers;
using System.Text.Json;
using Crew.Kernel;
using Microsoft.AspNetCore.Http;

namespace Crew.Http;

/// <summary>The one place that turns a refusal into a response, in the dialect of the path.</summary>
public static class ErrorWriter
{
    /// <summary>Where the page of each code lives, relative to the server's own address.</summary>
    public const string ErrorPages = "/docs/errors/";

    /// <summary>Answers with the refusal after the record of the credential's use is durable.</summary>
    public static async Task RefuseAsync(Call call, Fault fault)
    {
        if (fault == Faults.CredentialRevoked && call.CallerOrNull?.Actor.Type == "token")
        {
            fault = Faults.TokenRevoked;
        }

        var outcome = fault.Status is 401 or 403 or 404 or 402 or 429 ? "denied" : "failure";
        var unrecorded = await ReplyWriter.RecordAccessAsync(call, outcome, fault.Status, fault.Code);

        // That a change may have been made has to be said, whether or not the use can be put on record: who is told to repeat it makes it twice.
        var isUnknown = fault.Code == Faults.OutcomeUnknown.Code && unrecorded?.Code == Faults.AuditUnavailable.Code;
        await WriteAsync(call, isUnknown ? fault : unrecorded ?? fault);
    }

    /// <summary>Writes the refusal only; for failures before a credential was accepted.</summary>
    public static async Task WriteAsync(Call call, Fault fault)
    {
        var response = call.Http.Response;
        if (response.HasStarted)
        {
            call.Http.Abort();
            return;
        }

        if (call.Idempotency is { } idempotency)
        {
            await idempotency.ForgetAsync();
        }

        var body = new ArrayBufferWriter<byte>(512);
        Render(call.Dialect, fault, call.RequestId, body);
        response.StatusCode = fault.Status;
        response.ContentType = "application/json; charset=utf-8";
        response.ContentLength = body.WrittenCount;
        response.Headers.CacheControl = "no-store";
        if (fault.RetryAfterSeconds is { } seconds)
        {
            response.Headers.RetryAfter = seconds.ToString(System.Globalization.CultureInfo.InvariantCulture);
        }

        if (fault.ShouldRetry is { } retry)
        {
            response.Headers["x-should-retry"] = retry ? "true" : "false";
        }

        if (fault.Status == 401)
        {
            // RFC 6750 section 3.1: a token that is expired or revoked is invalid, too.
            response.Headers.WWWAuthenticate = fault.Code is "invalid_token" or "expired_token" ? "Bearer error=\"invalid_token\"" : "Bearer";
        }

        if (!HttpMethods.IsHead(call.Http.Request.Method))
        {
            await response.Body.WriteAsync(body.WrittenMemory, CancellationToken.None);
        }
    }

    /// <summary>Writes the body of a refusal in a dialect. Also used for errors inside streams.</summary>
    public static void Render(Dialect dialect, Fault fault, string requestId, IBufferWriter<byte> target)
    {
        using var json = new Utf8JsonWriter(target, new JsonWriterOptions { Encoder = ApiJson.Options.Encoder });
        switch (dialect)
        {
            case Dialect.OpenAi:
                RenderOpenAi(json, fault);
                break;
            case Dialect.Anthropic:
                RenderAnthropic(json, fault, requestId);
                break;
            case Dialect.OAuth:
                json.WriteStartObject();
                json.WriteString("error", fault.Status == 401 ? "invalid_client" : fault.Status >= 500 ? "server_error" : "invalid_request");
                json.WriteString("error_description", fault.Message);
                json.WriteEndObject();
                break;
            default:
                JsonSerializer.Serialize(json, new ErrorEnvelope(false,
                    new ErrorBody(fault.Code, fault.Message) { Details = fault.Details, RetryAfter = fault.RetryAfterSeconds }, requestId), ApiJson.Options);
                break;
        }
    }

    /// <summary>The OpenAI error object: all four keys, <c>code</c> carries our code.</summary>
    private static void RenderOpenAi(Utf8JsonWriter json, Fault fault)
    {
        json.WriteStartObject();
        json.WriteStartObject("error");
        json.WriteString("message", fault.Message);
        json.WriteString("type", fault.Status switch
        {
            401 => "authentication_error",
            402 => "insufficient_quota",
            403 => "permission_error",
            429 => "rate_limit_error",
            >= 500 => "server_error",
            _ => "invalid_request_error",
        });
        if (fault.Details is not null && fault.Details.TryGetValue("field", out var field) && field is string param)
        {
            json.WriteString("param", param);
        }
        else
        {
            json.WriteNull("param");
        }

        json.WriteString("code", fault.Code);
        WriteDetails(json, fault);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void RenderAnthropic(Utf8JsonWriter json, Fault fault, string requestId)
    {
        json.WriteStartObject();
        json.WriteString("type", "error");
        json.WriteStartObject("error");
        json.WriteString("type", fault.Status switch
        {
            401 => "authentication_error",
            402 => "billing_error",
            403 => "permission_error",
            404 => "not_found_error",
            413 => "request_too_large",
            429 => "rate_limit_error",
            504 => "timeout_error",
            529 => "overloaded_error",
            >= 500 => "api_error",
            _ => "invalid_request_error",
        });
        json.WriteString("message", fault.Message);
        json.WriteString("code", fault.Code);
        WriteDetails(json, fault);
        json.WriteEndObject();
        json.WriteString("request_id", requestId);
        json.WriteEndObject();
    }

    private static void WriteDetails(Utf8JsonWriter json, Fault fault)
    {
        if (fault.Details is { Count: > 0 } details)
        {
            json.WritePropertyName("details");
            JsonSerializer.Serialize(json, details, ApiJson.Options);
        }
    }
}
