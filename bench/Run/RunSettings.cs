using System.Globalization;
using System.Runtime.InteropServices;

namespace Crew.Bench.Run;

internal sealed record RunSettings
{
    private static readonly string[] Measures =
        ["throughput", "latency", "bodies", "stream", "dialects", "flood", "idle", "peers", "soak", "start", "refresh", "micro"];

    public required int Pairs { get; init; }

    public required TimeSpan Seconds { get; init; }

    public required TimeSpan Warmup { get; init; }

    public required TimeSpan Soak { get; init; }

    public required TimeSpan SoakWarmup { get; init; }

    public required IReadOnlyList<string> Only { get; init; }

    public required bool WithNginx { get; init; }

    public required bool WithPeers { get; init; }

    public required bool SelfCheck { get; init; }

    public required bool Write { get; init; }

    public string? CrewPath { get; init; }

    public string? Database { get; init; }

    public static RunSettings From(Arguments arguments)
    {
        var quick = arguments.Has("quick");
        var only = (arguments.Text("only") ?? string.Join(',', Measures)).Split(',');
        if (only.Except(Measures).FirstOrDefault() is { } unknown)
        {
            throw new ArgumentException($"No such measure: {unknown}. There are {string.Join(", ", Measures)}.");
        }

        return new RunSettings
        {
            Pairs = Math.Max(1, arguments.Number("pairs", quick ? 2 : 5)),
            Seconds = TimeSpan.FromSeconds(Math.Max(1, arguments.Number("seconds", quick ? 3 : 8))),
            Warmup = TimeSpan.FromSeconds(quick ? 1 : 2),
            Soak = TimeSpan.FromSeconds(Math.Max(1, arguments.Number("soak", quick ? 20 : 300))),
            SoakWarmup = TimeSpan.FromSeconds(quick ? 5 : 60),
            Only = only,
            WithNginx = !arguments.Has("no-nginx"),
            WithPeers = arguments.Has("peers"),
            SelfCheck = arguments.Has("self-check"),
            Write = arguments.Has("write"),
            CrewPath = arguments.Text("crew"),
            Database = arguments.Text("database"),
        };
    }

    public string Describe() => string.Create(CultureInfo.InvariantCulture,
        $"{Machine()} {Pairs} pairs of {Seconds.TotalSeconds:F0} s after {Warmup.TotalSeconds:F0} s of warm-up.");

    /// <summary>When and on what this runs.</summary>
    public static string Machine()
    {
        var processor = File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal));
        var memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (1 << 30);
        return string.Create(CultureInfo.InvariantCulture,
            $"{DateTimeOffset.UtcNow:yyyy-MM-dd HH:mm} UTC, {Environment.ProcessorCount} cores ({Name(processor)}), {memory} GiB, "
            + $"{RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}.");
    }

    private static string Name(string? processor) => processor?.Split(": ")[^1] ?? "unknown";
}
