using System.Globalization;
using Crew.Bench.Measure;
using Crew.Bench.Micro;
using Crew.Testing;

namespace Crew.Bench.Run;

/// <summary>The whole benchmark: sets the stage, measures, prints the table. Exit code 1 when a goal was missed.</summary>
internal static class BenchRun
{
    public static async Task<int> MainAsync(Arguments arguments)
    {
        var settings = RunSettings.From(arguments);
        var described = settings.Describe();
        var report = new Report();
        var noisiest = 0.0;
        await using (var stage = await Stage.SetAsync(settings))
        {
            if (settings.SelfCheck)
            {
                report.Note("Self-check: a second control stands in for Crew, so every ratio should be 1.");
            }
            else if (stage.Nginx is null)
            {
                report.Note("nginx was not installed (or was left out), so it is not beside it.");
            }

            foreach (var (name, measure) in Measures(stage, settings, report))
            {
                if (settings.Only.Contains(name))
                {
                    Console.Error.WriteLine($"{name} …");
                    var neighbours = new Neighbours();
                    await measure();
                    noisiest = Math.Max(noisiest, name == "start" ? 0 : neighbours.Share());
                }
            }
        }

        report.Note(string.Create(CultureInfo.InvariantCulture,
            $"Programs that have no part in the benchmark took up to {noisiest:P0} of the machine during a measure."));
        var page = report.Page(described);
        Console.WriteLine(page);
        if (settings.Write)
        {
            var path = Path.Combine(CrewExecutable.RepositoryRoot, "docs", "benchmarks.md");
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            await File.WriteAllTextAsync(path, page);
        }

        return report.HasMissed ? 1 : 0;
    }

    private static IEnumerable<(string Name, Func<Task> Measure)> Measures(Stage stage, RunSettings settings, Report report)
    {
        var comparisons = new Comparisons(stage, settings, report);
        var endurance = new Endurance(stage, settings, report);
        yield return ("start", endurance.StartAsync);
        yield return ("throughput", comparisons.ThroughputAsync);
        yield return ("latency", comparisons.LatencyAsync);
        yield return ("bodies", comparisons.BodiesAsync);
        yield return ("stream", comparisons.StreamAsync);
        yield return ("dialects", comparisons.DialectsAsync);
        yield return ("flood", comparisons.FloodAsync);
        yield return ("idle", comparisons.IdleAsync);
        yield return ("peers", comparisons.PeersAsync);
        yield return ("soak", endurance.SoakAsync);
        yield return ("refresh", new Refreshes(stage, settings, report).MeasureAsync);
        yield return ("micro", () => Task.Run(() => MicroMode.Add(report)));
    }
}
