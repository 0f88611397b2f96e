using System.Buffers;
using System.Text.Json;
using Crew.Gateway.Dialects;
using Crew.Gateway.Dialects.Translation;
using Crew.Gateway.Forwarding;
using Crew.Gateway.Metering;
using Crew.Http;

namespace Crew.Gateway.Calls;

/// <summary>How a target is spoken to: in the client's own format, or in another one, with the request carried over.</summary>
/// <param name="Format">The provider's.</param>
/// <param name="Carried">Null where the client's bytes go on as they are.</param>
internal sealed record Route(WireFormat Format, Conversation? Carried)
{
    /// <summary>Whether a header of the client goes on: across dialects only what means the same in every one.</summary>
    public bool PassesToProvider(string header) => Carried is null
        ? Format.PassesToProvider(header)
        : header.Equals("traceparent", StringComparison.OrdinalIgnoreCase) || header.Equals("tracestate", StringComparison.OrdinalIgnoreCase);

    /// <summary>Overloaded has a status of its own in the Anthropic dialect only, and a time limit has but one.</summary>
    public int StatusFor(Dialect client, int status) => status == 524 ? 504 : status == 529 && Carried is not null && client != Dialect.Anthropic ? 503 : status;

    /// <summary>An answer in the client's format; null where it holds what that one cannot say.</summary>
    public ByteStore? Translate(WireFormat client, ByteStore answer, TokenCounts? usage)
    {
        if (Translations.AnswersOf(Format.Operation).Read(new ReadOnlySequence<byte>(answer.Memory), usage) is not { } read)
        {
            return null;
        }

        var translated = new ByteStore();
        using var json = new Utf8JsonWriter(translated);
        Translations.WriteWhole(client.Operation, json, read);
        return translated;
    }

    /// <summary>A provider's error in the client's format, in the provider's words.</summary>
    public static ByteStore TranslateError(WireFormat client, ByteStore answer, int status, string requestId)
    {
        var fault = GatewayFaults.ProviderUnavailable with { Status = status };
        try
        {
            using var document = JsonDocument.Parse(answer.Memory);
            if (document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("error", out var error)
                && error.ValueKind == JsonValueKind.Object && error.TryGetProperty("message", out var said) && said.ValueKind == JsonValueKind.String)
            {
                var kind = error.TryGetProperty("code", out var code) && code.ValueKind == JsonValueKind.String ? code
                    : error.TryGetProperty("type", out var type) && type.ValueKind == JsonValueKind.String ? type
                    : default;
                fault = fault with { Message = said.GetString()!, Code = kind.ValueKind == JsonValueKind.String ? kind.GetString()! : fault.Code };
            }
        }
        catch (Exception broken) when (broken is JsonException or InvalidOperationException)
        {
            // Then it says nothing that could be carried.
        }

        var translated = new ByteStore();
        client.WriteError(translated, fault, requestId);
        return translated;
    }
}
