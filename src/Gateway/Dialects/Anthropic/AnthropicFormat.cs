using System.Buffers;
using System.Collections.Frozen;
using System.Globalization;
using System.Net.Http.Headers;
using Crew.Http;
using Crew.Kernel;
using Microsoft.AspNetCore.Http;

namespace Crew.Gateway.Dialects.Anthropic;

/// <summary>What the endpoints of the Anthropic dialect have in common: headers, limits and errors.</summary>
internal abstract class AnthropicFormat : WireFormat
{
    private const string VersionHeader = "anthropic-version";

    /// <summary>What a provider reads the body as where the client named no version.</summary>
    private const string DefaultVersion = "2023-06-01";

    /// <summary>Prompts beyond this many tokens have a price of their own where the long context is asked for by a beta header.</summary>
    private const int LongContextTokens = 200_000;

    // Not among them: credentials, cookies and connection headers, accept-encoding (compressed bytes cannot be metered), and all that
    // identifies the client.
    private static readonly FrozenSet<string> ToProvider = FrozenSet.Create(StringComparer.OrdinalIgnoreCase,
        VersionHeader, "anthropic-beta", "traceparent", "tracestate");

    // Not among them: anthropic-organization-id, which names the owner's account; the provider's limits and request id, which are
    // replaced by ours; cookies; everything about caching and the connection.
    private static readonly FrozenSet<string> ToClient = FrozenSet.Create(StringComparer.OrdinalIgnoreCase,
        "content-type", "retry-after", "retry-after-ms", "x-should-retry");

    public override bool PassesToProvider(string header) => ToProvider.Contains(header);

    public override bool PassesToClient(string header) => ToClient.Contains(header);

    public override bool PassesQuery(string query) => query == "?beta=true";

    public override RequestFeatures FeaturesOf(IHeaderDictionary headers, long bodyBytes) =>
        bodyBytes > LongContextTokens && headers["anthropic-beta"].ToString().Contains("context-1m", StringComparison.OrdinalIgnoreCase)
            ? RequestFeatures.LongContext
            : RequestFeatures.None;

    public override void Complete(HttpRequestHeaders headers)
    {
        if (!headers.Contains(VersionHeader))
        {
            headers.TryAddWithoutValidation(VersionHeader, DefaultVersion);
        }
    }

    /// <summary>As an <c>error</c> event, which clients throw at any place of a stream.</summary>
    public override void WriteErrorEvent(IBufferWriter<byte> output, Fault fault, string requestId, EventReader soFar)
    {
        output.Write("event: error\ndata: "u8);
        WriteError(output, fault, requestId);
        output.Write("\n\n"u8);
    }

    /// <summary>Its own event, as soon as the message has begun; a comment before that, since <c>message_start</c> must be the first event.</summary>
    public override ReadOnlySpan<byte> Ping(bool hasContent) => hasContent ? "event: ping\ndata: {\"type\": \"ping\"}\n\n"u8 : base.Ping(hasContent);

    public override void WriteError(IBufferWriter<byte> output, Fault fault, string requestId) =>
        ErrorWriter.Render(Dialect.Anthropic, fault, requestId, output);

    public override void WriteTokenLimits(IHeaderDictionary headers, int limit, long remaining, DateTimeOffset now)
    {
        const int minute = 60;
        var seconds = now.ToUnixTimeSeconds();
        headers["anthropic-ratelimit-tokens-limit"] = limit.ToString(CultureInfo.InvariantCulture);
        headers["anthropic-ratelimit-tokens-remaining"] = remaining.ToString(CultureInfo.InvariantCulture);
        headers["anthropic-ratelimit-tokens-reset"] =
            DateTimeOffset.FromUnixTimeSeconds(seconds - (seconds % minute) + minute).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
    }

    public override void WriteLimits(IHeaderDictionary headers, DateTimeOffset now)
    {
        headers["anthropic-ratelimit-requests-limit"] = headers["X-RateLimit-Limit"];
        headers["anthropic-ratelimit-requests-remaining"] = headers["X-RateLimit-Remaining"];
        if (long.TryParse(headers["X-RateLimit-Reset"].ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var reset))
        {
            headers["anthropic-ratelimit-requests-reset"] =
                DateTimeOffset.FromUnixTimeSeconds(reset).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
        }
    }
}
