using System.Globalization;
using Crew.Bench.Control;
using Crew.Bench.Load;
using Crew.Bench.Measure;

namespace Crew.Bench.Run;

/// <summary>The measures that hold Crew against the control, in pairs that alternate who goes first.</summary>
internal sealed partial class Comparisons(Stage stage, RunSettings settings, Report report)
{
    private const int Connections = 256;
    private const int OpenRate = 500;
    private const int BodyBytes = 300 * 1024;
    private const int BodyConnections = 32;
    private const int Streams = 32;

    public async Task ThroughputAsync()
    {
        var pairs = await PairsAsync(subject => LoadLoops.ClosedAsync(Plan(subject, MockMode.Instant, 1024), Connections));
        Ratio("throughput, 256 connections, instant mock (requests/s)", pairs, run => run.PerSecond, "F0",
            new Goal(0.70, 0.85, AtLeast: true), "ratio ≥ 0.70, stretch 0.85");
        Ratio("CPU per request at that load (µs)", pairs, run => run.CpuMicroseconds, "F1",
            new Goal(1.6, 1.3, AtLeast: false), "ratio ≤ 1.6, stretch 1.3");
        if (stage.Nginx is { } nginx)
        {
            await BesideAsync(nginx, pairs);
        }
    }

    public async Task LatencyAsync()
    {
        var pairs = await PairsAsync(subject => LoadLoops.OpenAsync(Plan(subject, MockMode.Slow, 1024), OpenRate, Connections));
        Difference("open loop 500/s, mock 50 to 200 ms: time beyond the provider's, p50 (ms)", pairs, 0.50, 1.5);
        Difference("the same, p99 (ms)", pairs, 0.99, 10);
    }

    public async Task BodiesAsync()
    {
        var pairs = await PairsAsync(subject => LoadLoops.ClosedAsync(Plan(subject, MockMode.Instant, BodyBytes), BodyConnections));
        Ratio("throughput, 300 KB bodies, 32 connections (requests/s)", pairs, run => run.PerSecond, "F0",
            new Goal(0.85, null, AtLeast: true), "ratio ≥ 0.85");
    }

    public async Task StreamAsync()
    {
        var pairs = await PairsAsync(subject =>
            LoadLoops.StreamsAsync(subject.Plan(MockMode.Paced, 1024, settings.Warmup, settings.Seconds, stream: true), Streams));
        Ratio("32 streams of 100 chunks/s after 100 ms: time to first token, p50 (ms)", pairs,
            run => run.FirstToken.Milliseconds(0.5), "F2", new Goal(1.05, null, AtLeast: false), "ratio ≤ 1.05");
        Ratio("the same: from chunk to chunk, p99 (ms)", pairs, run => run.ChunkGap.Milliseconds(0.99), "F2",
            new Goal(1.05, null, AtLeast: false), "ratio ≤ 1.05");
    }

    private LoadPlan Plan(Subject subject, string model, int bytes) => subject.Plan(model, bytes, settings.Warmup, settings.Seconds);

    private async Task<List<Pair>> PairsAsync(Func<Subject, Task<LoadResult>> measure)
    {
        // One run of each is thrown away: the first seconds of a workload compile its paths, in both systems.
        _ = await measure(stage.Control);
        _ = await measure(stage.Crew);
        var pairs = new List<Pair>();
        for (var number = 0; number < settings.Pairs; number++)
        {
            var crewFirst = number % 2 == 1;
            var first = await measure(crewFirst ? stage.Crew : stage.Control);
            var second = await measure(crewFirst ? stage.Control : stage.Crew);
            pairs.Add(crewFirst ? new Pair(second, first) : new Pair(first, second));
        }

        var named = pairs.SelectMany(pair => new[] { (pair.Control, stage.Control.Name), (pair.Crew, stage.Crew.Name) });
        foreach (var (run, name) in named)
        {
            if (run.Refused + run.Broken > 0)
            {
                report.Note($"{name}: {run.Refused} of {run.Done} answers were not 200, and {run.Broken} connections broke, in one run.");
            }
        }

        return pairs;
    }

    private async Task BesideAsync(Subject nginx, List<Pair> pairs)
    {
        var runs = new List<LoadResult>();
        for (var number = 0; number < settings.Pairs; number++)
        {
            runs.Add(await LoadLoops.ClosedAsync(Plan(nginx, MockMode.Instant, 1024), Connections));
        }

        var perSecond = Estimate.OfPairs(runs.Select(run => run.PerSecond));
        report.Add(new ReportRow("nginx as a proxy, beside it (requests/s, µs CPU)", Text(perSecond.Middle, "F0"),
            Text(Statistics.Median(runs.Select(run => run.CpuMicroseconds)), "F1") + " µs",
            $"crew is {Text(Statistics.Median(pairs.Select(pair => pair.Crew.PerSecond)) / perSecond.Middle, "F2")} of nginx",
            $"{Text(perSecond.Low, "F0")} to {Text(perSecond.High, "F0")}", "", Verdict.Reported));
    }

    private void Ratio(string measure, List<Pair> pairs, Func<LoadResult, double> value, string format, Goal goal, string words)
    {
        var ratio = Estimate.OfPairs(pairs.Select(pair => value(pair.Crew) / value(pair.Control)));
        report.Add(new ReportRow(measure,
            Text(Statistics.Median(pairs.Select(pair => value(pair.Control))), format),
            Text(Statistics.Median(pairs.Select(pair => value(pair.Crew))), format),
            Text(ratio.Middle, "F2"), $"{Text(ratio.Low, "F2")} to {Text(ratio.High, "F2")}", words, Judge(pairs, goal.Of(ratio.Middle))));
    }

    private void Difference(string measure, List<Pair> pairs, double share, double most)
    {
        double Value(LoadResult run) => run.Added.Milliseconds(share);
        var added = Estimate.OfPairs(pairs.Select(pair => Value(pair.Crew) - Value(pair.Control)));
        report.Add(new ReportRow(measure,
            Text(Statistics.Median(pairs.Select(pair => Value(pair.Control))), "F2"),
            Text(Statistics.Median(pairs.Select(pair => Value(pair.Crew))), "F2"),
            Text(added.Middle, "+0.00;-0.00"), $"{Text(added.Low, "+0.00;-0.00")} to {Text(added.High, "+0.00;-0.00")}",
            $"added ≤ {Text(most, "0.#")} ms", Judge(pairs, added.Middle <= most ? Verdict.Met : Verdict.Missed)));
    }

    /// <summary>A run with refused or broken requests measured something else, so it meets nothing.</summary>
    private static Verdict Judge(List<Pair> pairs, Verdict verdict) =>
        pairs.Any(pair => pair.Crew.Done == 0 || pair.Crew.Refused + pair.Crew.Broken > 0) ? Verdict.Missed : verdict;

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    private sealed record Pair(LoadResult Control, LoadResult Crew);

    private sealed record Goal(double Bound, double? Stretch, bool AtLeast)
    {
        public Verdict Of(double ratio) => Stretch is { } stretch && Holds(ratio, stretch) ? Verdict.Stretch
            : Holds(ratio, Bound) ? Verdict.Met : Verdict.Missed;

        private bool Holds(double ratio, double bound) => AtLeast ? ratio >= bound : ratio <= bound;
    }
}
