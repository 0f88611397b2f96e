using Crew.Kernel;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Crew.Host;

/// <summary>
/// Sends the spans of <see cref="Traces"/> to the operator's collector (OTLP), and nothing of what libraries would add. Protocol, headers and
/// sampling follow the standard variables (<c>OTEL_EXPORTER_OTLP_PROTOCOL</c>, <c>OTEL_EXPORTER_OTLP_HEADERS</c>, <c>OTEL_TRACES_SAMPLER</c>).
/// A collector that is away stalls nothing: a bounded queue of 2,048 spans, beyond which spans are dropped.
/// </summary>
internal static class Tracing
{
    /// <summary>Longest wait for the collector when the server stops.</summary>
    private const int FarewellMilliseconds = 2_000;

    /// <summary>Null where no collector is configured.</summary>
    public static TracerProvider? Start(Uri? collector)
    {
        if (collector is null)
        {
            return null;
        }

        return Sdk.CreateTracerProviderBuilder()
            .SetResourceBuilder(ResourceBuilder.CreateDefault().AddService("crew", serviceVersion: typeof(Tracing).Assembly.GetName().Version?.ToString(3)))
            .AddSource(Traces.SourceName)
            .AddOtlpExporter(exporter => Direct(exporter, collector))
            .Build();
    }

    /// <summary>Sends what is left; a collector that does not answer is not waited for longer than two seconds.</summary>
    public static void Finish(TracerProvider? provider) => provider?.Shutdown(FarewellMilliseconds);

    /// <summary>Over HTTP each signal has a path of its own below the endpoint (OpenTelemetry protocol exporter, "Endpoint URLs for OTLP/HTTP").</summary>
    private static void Direct(OtlpExporterOptions exporter, Uri collector) =>
        exporter.Endpoint = exporter.Protocol == OtlpExportProtocol.HttpProtobuf ? new Uri(collector.AbsoluteUri.TrimEnd('/') + "/v1/traces") : collector;
}
