using System.Globalization;

namespace Crew.Bench.Measure;

/// <summary>Processor time and memory of a process, as the kernel counts them.</summary>
internal sealed record ProcessUse(int ProcessId, double CpuSeconds, long ResidentBytes)
{
    /// <summary>USER_HZ, which Linux fixes at 100 for everything that programs see.</summary>
    private const double TicksPerSecond = 100;

    public static IReadOnlyList<ProcessUse> Read(IReadOnlyList<int> processes) => [.. processes.Select(Read)];

    /// <summary>The same processes now, their processor time counted from the earlier reading.</summary>
    public static IReadOnlyList<ProcessUse> Since(IReadOnlyList<ProcessUse> before) =>
        [.. before.Select(then => Read(then.ProcessId) is var now ? now with { CpuSeconds = now.CpuSeconds - then.CpuSeconds } : now)];

    public static ProcessUse Read(int process)
    {
        // The second field is the program's name in brackets and may hold anything, so count from the last bracket.
        var stat = File.ReadAllText($"/proc/{process}/stat");
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        var ticks = Number(fields[11]) + Number(fields[12]);
        return new ProcessUse(process, ticks / TicksPerSecond, Number(fields[21]) * Environment.SystemPageSize);
    }

    /// <summary>The process and all that descend from it.</summary>
    public static IReadOnlyList<int> Family(int process)
    {
        var parents = new Dictionary<int, int>();
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var id) && Parent(id) is { } parent)
            {
                parents[id] = parent;
            }
        }

        var family = new List<int> { process };
        for (var at = 0; at < family.Count; at++)
        {
            family.AddRange(parents.Where(pair => pair.Value == family[at]).Select(pair => pair.Key));
        }

        return family;
    }

    private static int? Parent(int process)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{process}/stat");
            return (int)Number(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[1]);
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static long Number(string field) => long.Parse(field, CultureInfo.InvariantCulture);
}
