using System.Diagnostics;
using System.Globalization;

namespace Crew.Bench.Measure;

/// <summary>How much of the machine programs took that have no part in the benchmark: with noisy neighbours a run proves little.</summary>
internal sealed class Neighbours
{
    private const double TicksPerSecond = 100;

    private readonly long _started = Stopwatch.GetTimestamp();
    private readonly double _machine = MachineSeconds();
    private readonly double _ours = OurSeconds();

    /// <summary>The share of all cores since the beginning, 0 to 1.</summary>
    public double Share() => Math.Max(0, (MachineSeconds() - _machine - (OurSeconds() - _ours))
        / (Stopwatch.GetElapsedTime(_started).TotalSeconds * Environment.ProcessorCount));

    private static double OurSeconds() => ProcessUse.Read(ProcessUse.Family(Environment.ProcessId)).Sum(use => use.CpuSeconds);

    /// <summary>All that was not idle or waiting for the disk: user, nice, system, interrupts, and time stolen by the host.</summary>
    private static double MachineSeconds()
    {
        long[] fields = [.. File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1)
            .Select(field => long.Parse(field, CultureInfo.InvariantCulture))];
        return (fields[0] + fields[1] + fields[2] + fields[5] + fields[6] + fields[7]) / TicksPerSecond;
    }
}
