using System.Globalization;
using Crew.Bench.Measure;

namespace Crew.Bench.Load;

/// <summary>The load generator on its own, against anything that speaks the dialect.</summary>
internal static class LoadMode
{
    private const int OpenConnections = 256;

    public static async Task<int> MainAsync(Arguments arguments)
    {
        var streams = arguments.Number("streams", 0);
        var rate = arguments.Number("rate", 0);
        var target = new LoadTarget(new Uri(arguments.Required("url")), arguments.Required("model"), arguments.Text("key"),
            arguments.Number("bytes", 1024), stream: streams > 0);
        var watched = (arguments.Text("pids") ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries)
            .SelectMany(id => ProcessUse.Family(int.Parse(id, CultureInfo.InvariantCulture)));
        var plan = new LoadPlan(target, TimeSpan.FromSeconds(arguments.Number("warmup", 3)),
            TimeSpan.FromSeconds(arguments.Number("seconds", 10)), [.. watched]);
        var result = streams > 0 ? await LoadLoops.StreamsAsync(plan, streams)
            : rate > 0 ? await LoadLoops.OpenAsync(plan, rate, OpenConnections)
            : await LoadLoops.ClosedAsync(plan, arguments.Number("connections", 256));
        Print(result);
        return result.Refused + result.Broken > 0 ? 1 : 0;
    }

    private static void Print(LoadResult result)
    {
        Console.WriteLine($"{result.Done} requests in {result.Seconds:F1} s: {result.PerSecond:F0}/s, "
            + $"{result.Refused} refused, {result.Broken} broken");
        Print("latency", result.Latency);
        Print("added", result.Added);
        Print("first token", result.FirstToken);
        Print("chunk gap", result.ChunkGap);
        if (result.Used.Count > 0)
        {
            Console.WriteLine($"watched: {result.CpuMicroseconds:F1} us CPU per request, {result.CpuCores:F2} cores, "
                + $"{result.ResidentBytes / 1048576.0:F0} MiB resident");
        }
    }

    private static void Print(string name, Histogram histogram)
    {
        if (histogram.Total > 0)
        {
            Console.WriteLine($"{name,-12} p50 {histogram.Milliseconds(0.5):F3} ms, p90 {histogram.Milliseconds(0.9):F3} ms, "
                + $"p99 {histogram.Milliseconds(0.99):F3} ms, p99.9 {histogram.Milliseconds(0.999):F3} ms, "
                + $"largest {histogram.Largest / 1e6:F3} ms");
        }
    }
}
