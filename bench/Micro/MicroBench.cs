using System.Diagnostics;
using Crew.Bench.Load;

namespace Crew.Bench.Micro;

/// <summary>
/// Times one operation at a time (a batch of 1), because the goals are percentiles: an average over a loop would hide the slow
/// ones. Each sample carries the cost of reading the clock twice; the row "clock alone" says how much that is.
/// </summary>
internal static class MicroBench
{
    private const int WarmupCalls = 50_000;

    /// <summary>Runs the operation on this many threads at once; what they share is the factory's choice.</summary>
    public static Histogram Measure(Func<int, Action> operationOfThread, int threads = 1, int callsPerThread = 500_000)
    {
        var histogram = new Histogram();
        using var together = new Barrier(threads);
        var running = Enumerable.Range(0, threads).Select(number => new Thread(() =>
        {
            var operation = operationOfThread(number);
            for (var call = 0; call < WarmupCalls; call++)
            {
                operation();
            }

            together.SignalAndWait();
            for (var call = 0; call < callsPerThread; call++)
            {
                var started = Stopwatch.GetTimestamp();
                operation();
                histogram.Add(Nanoseconds(Stopwatch.GetTimestamp() - started));
            }
        })
        { IsBackground = true, Name = $"micro {number}" }).ToList();
        running.ForEach(thread => thread.Start());
        running.ForEach(thread => thread.Join());
        return histogram;
    }

    private static long Nanoseconds(long ticks) =>
        Stopwatch.Frequency == 1_000_000_000 ? ticks : ticks * 1_000_000_000 / Stopwatch.Frequency;
}
