using System.Collections.Frozen;

namespace Crew.Gateway.Dialects.OpenAi;

/// <summary>Which headers cross the gateway. Both lists name what passes; anything unknown stays on its side.</summary>
internal static class OpenAiHeaders
{
    // Not among them: credentials, cookies and connection headers; openai-organization and openai-project, which would let a caller
    // choose whom the owner's credential bills; idempotency-key, under which a provider could give one tenant another's answer, since
    // both share that credential; accept-encoding, because compressed bytes cannot be metered; and all that identifies the client.
    private static readonly FrozenSet<string> ToProvider = FrozenSet.Create(StringComparer.OrdinalIgnoreCase,
        "openai-beta", "traceparent", "tracestate");

    // Not among them: openai-organization and openai-project, which name the owner's account; the provider's limits and request id,
    // which are replaced by ours; cookies; everything about caching and the connection.
    private static readonly FrozenSet<string> ToClient = FrozenSet.Create(StringComparer.OrdinalIgnoreCase,
        "content-type", "openai-processing-ms", "openai-version", "openai-model", "retry-after", "retry-after-ms", "x-should-retry");

    public static bool PassesToProvider(string name) => ToProvider.Contains(name);

    public static bool PassesToClient(string name) => ToClient.Contains(name);
}
