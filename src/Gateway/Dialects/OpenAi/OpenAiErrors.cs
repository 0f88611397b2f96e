using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Crew.Kernel;

namespace Crew.Gateway.Dialects.OpenAi;

/// <summary>
/// Turns a refusal into the error body of the OpenAI dialect. All four keys are always there: clients read <c>error.message</c> as a
/// string and look up <c>param</c> and <c>code</c> without asking whether they exist.
/// </summary>
internal static class OpenAiErrors
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The <c>type</c> of an error with this status.</summary>
    public static string TypeOf(int status) => status switch
    {
        401 => "authentication_error",
        402 => "insufficient_quota",
        403 => "permission_error",
        429 => "rate_limit_error",
        >= 500 => "server_error",
        _ => "invalid_request_error",
    };

    /// <summary>Writes the JSON body.</summary>
    public static void Write(IBufferWriter<byte> output, Fault fault)
    {
        using var json = new Utf8JsonWriter(output, Options);
        json.WriteStartObject();
        json.WriteStartObject("error"u8);
        json.WriteString("message"u8, fault.Message);
        json.WriteString("type"u8, TypeOf(fault.Status));
        json.WriteString("param"u8, fault.Details?.GetValueOrDefault("field") as string);
        json.WriteString("code"u8, fault.Code);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>Writes the error as an event, for a stream whose status line has gone out. SDKs throw on it and stop reading.</summary>
    public static void WriteEvent(IBufferWriter<byte> output, Fault fault)
    {
        output.Write("data: "u8);
        Write(output, fault);
        output.Write("\n\n"u8);
    }
}
