using System.Diagnostics;

namespace Crew.Kernel;

/// <summary>
/// The one source of spans. Only what is written by hand here and at its callers leaves the process: ids, counts, codes and times, and never a
/// path with its query, a header, an address or content. Without a listener a span is null and costs a read of one field.
/// Names of attributes: OpenTelemetry's semantic conventions for HTTP and generative AI; our own begin with <c>crew.</c>
/// </summary>
public static class Traces
{
    public const string SourceName = "Crew";

    private static readonly ActivitySource Source = new(SourceName);

    /// <summary>A request of a client. A caller's own trace is continued by its ids (W3C Trace Context, section 3.2); its <c>tracestate</c> is not kept.</summary>
    public static Activity? Request(string? traceParent)
    {
        if (!Source.HasListeners())
        {
            return null;
        }

        ActivityContext.TryParse(traceParent, null, isRemote: true, out var parent);
        return Source.StartActivity("request", ActivityKind.Server, parent);
    }

    /// <summary>One physical call of a provider, within the request under way.</summary>
    public static Activity? Attempt() => Source.HasListeners() ? Source.StartActivity("provider attempt", ActivityKind.Client) : null;
}
