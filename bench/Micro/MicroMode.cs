using System.Globalization;
using Crew.Bench.Load;
using Crew.Bench.Run;

namespace Crew.Bench.Micro;

internal static class MicroMode
{
    public static int Run(Arguments arguments)
    {
        var only = arguments.Text("only");
        var report = new Report();
        Add(report, only);
        Console.WriteLine(report.Table());
        return 0;
    }

    public static void Add(Report report, string? only = null)
    {
        bool Wanted(MicroCase micro) => only is null || micro.Name.Contains(only, StringComparison.OrdinalIgnoreCase);
        foreach (var micro in MicroCatalogue.All.Where(Wanted))
        {
            report.Add(Row(micro, micro.Measure()));
        }
    }

    private static ReportRow Row(MicroCase micro, Histogram times)
    {
        var (p50, p99) = (times.At(0.5), times.At(0.99));
        var asked = micro.GoalP50Ns > 0 || micro.GoalP99Ns > 0;
        var met = (micro.GoalP50Ns <= 0 || p50 <= micro.GoalP50Ns) && (micro.GoalP99Ns <= 0 || p99 <= micro.GoalP99Ns);
        var goal = string.Join(", ", new[] { Goal("p50", micro.GoalP50Ns), Goal("p99", micro.GoalP99Ns) }.Where(part => part.Length > 0));
        return new ReportRow(micro.Name, "", Value(p50, p99), "", $"p99.9 {Time(times.At(0.999))}",
            goal, asked ? met ? Verdict.Met : Verdict.Missed : Verdict.Reported);
    }

    private static string Value(double p50, double p99) => $"p50 {Time(p50)}, p99 {Time(p99)}";

    private static string Goal(string name, double nanoseconds) => nanoseconds > 0 ? $"{name} ≤ {Time(nanoseconds)}" : "";

    private static string Time(double nanoseconds) => nanoseconds < 1000
        ? string.Create(CultureInfo.InvariantCulture, $"{nanoseconds:F0} ns")
        : string.Create(CultureInfo.InvariantCulture, $"{nanoseconds / 1000:F2} µs");
}
