using System.Text.Json;
using Crew.Gateway.Metering;
using Crew.Kernel;

namespace Crew.Gateway.Dialects.OpenAi;

/// <summary>What the events that the gateway itself writes of a response have in common.</summary>
internal static class ResponseEvents
{
    /// <summary>Counts as the <c>usage</c> of a response, where cached tokens and reasoning are parts of their wholes.</summary>
    public static void WriteUsage(Utf8JsonWriter json, in TokenCounts counts)
    {
        json.WriteStartObject("usage"u8);
        json.WriteNumber("input_tokens"u8, counts.AllInput);
        json.WriteStartObject("input_tokens_details"u8);
        json.WriteNumber("cached_tokens"u8, counts.CacheRead);
        json.WriteEndObject();
        json.WriteNumber("output_tokens"u8, counts.AllOutput);
        json.WriteStartObject("output_tokens_details"u8);
        json.WriteNumber("reasoning_tokens"u8, counts.Reasoning);
        json.WriteEndObject();
        json.WriteNumber("total_tokens"u8, counts.AllInput + counts.AllOutput);
        json.WriteEndObject();
    }

    /// <summary>The members <c>error</c> and <c>incomplete_details</c>.</summary>
    /// <param name="cut">Why the response is incomplete; null where it is not.</param>
    public static void WriteOutcome(Utf8JsonWriter json, Fault? fault, string? cut)
    {
        if (fault is null)
        {
            json.WriteNull("error"u8);
        }
        else
        {
            json.WriteStartObject("error"u8);
            json.WriteString("code"u8, fault.Code);
            json.WriteString("message"u8, fault.Message);
            json.WriteEndObject();
        }

        if (cut is null)
        {
            json.WriteNull("incomplete_details"u8);
        }
        else
        {
            json.WriteStartObject("incomplete_details"u8);
            json.WriteString("reason"u8, cut);
            json.WriteEndObject();
        }
    }

    /// <summary>The members of an <c>error</c> event, beside its type and number.</summary>
    public static void WriteError(Utf8JsonWriter json, Fault fault)
    {
        json.WriteString("code"u8, fault.Code);
        json.WriteString("message"u8, fault.Message);
        json.WriteNull("param"u8);
        json.WriteStartObject("error"u8);
        json.WriteString("message"u8, fault.Message);
        json.WriteString("type"u8, OpenAiErrors.TypeOf(fault.Status));
        json.WriteNull("param"u8);
        json.WriteString("code"u8, fault.Code);
        json.WriteEndObject();
    }
}
