using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;
using Crew.Bench.Control;
using Crew.Bench.Load;
using Crew.Bench.Measure;

namespace Crew.Bench.Run;

/// <summary>The measures of Crew alone: memory over time, and the way from nothing to the first answer.</summary>
internal sealed class Endurance(Stage stage, RunSettings settings, Report report)
{
    private const int SoakConnections = 256;
    private const double Megabyte = 1e6;
    private const double MostMegabytes = 250;
    private const double MostStartSeconds = 2;

    /// <summary>Memory wanders with the collector's cycles; averages over this long are taken for independent.</summary>
    private static readonly TimeSpan Block = TimeSpan.FromSeconds(10);

    /// <summary>A shorter soak has so wide an interval that 0 would always lie in it; it is reported and not judged.</summary>
    private static readonly TimeSpan ShortestSoak = TimeSpan.FromMinutes(5);

    public async Task SoakAsync()
    {
        var crew = stage.Crew;
        using var over = new CancellationTokenSource();
        var sampling = SampleAsync(crew, over.Token);
        var plan = crew.Plan(MockMode.Instant, 1024, settings.SoakWarmup, settings.Soak);
        var run = await LoadLoops.ClosedAsync(plan, SoakConnections);
        await over.CancelAsync();
        var samples = await sampling;
        var resident = samples.Max(sample => sample.Bytes) / Megabyte;
        report.Add(new ReportRow("resident memory under load, largest (MB)", "", Text(resident), "", $"{samples.Count} samples",
            "≤ 250 MB", resident <= MostMegabytes ? Verdict.Met : Verdict.Missed));

        var blocks = samples.Where(sample => sample.At > settings.SoakWarmup)
            .GroupBy(sample => (int)(sample.At / Block))
            .Select(block => (block.Average(sample => sample.At.TotalHours), block.Average(sample => sample.Bytes) / Megabyte)).ToList();
        var slope = Statistics.Slope(blocks);
        var level = slope.Low <= 0 && run.Refused + run.Broken == 0;
        var verdict = settings.Soak < ShortestSoak ? Verdict.Reported : level ? Verdict.Met : Verdict.Missed;
        report.Add(new ReportRow($"memory slope in a soak of {settings.Soak.TotalSeconds:F0} s at {run.PerSecond:F0} requests/s (MB/h)", "",
            Text(slope.Middle), "", $"95 % CI {Text(slope.Low)} to {Text(slope.High)}", "0 within the interval", verdict));
    }

    public async Task StartAsync()
    {
        if (stage.Server is not { } server)
        {
            return;
        }

        var seconds = new List<double>();
        using var client = server.Client(stage.Crew.Key);
        for (var number = 0; number < settings.Pairs; number++)
        {
            await server.StopAsync();
            var started = Stopwatch.GetTimestamp();
            await server.StartAsync();
            await FirstAnswerAsync(client);
            seconds.Add(Stopwatch.GetElapsedTime(started).TotalSeconds);
        }

        var time = Estimate.OfPairs(seconds);
        report.Add(new ReportRow("cold start to the first completion (s)", "", time.Middle.ToString("F2", CultureInfo.InvariantCulture), "",
            string.Create(CultureInfo.InvariantCulture, $"{time.Low:F2} to {time.High:F2}"), "≤ 2 s",
            time.Middle <= MostStartSeconds ? Verdict.Met : Verdict.Missed));
    }

    private static async Task FirstAnswerAsync(HttpClient client)
    {
        const string Body = $$"""{"model":"{{MockMode.Instant}}","max_tokens":16,"messages":[{"role":"user","content":"first"}]}""";
        using var content = new StringContent(Body, Encoding.UTF8, "application/json");
        using var answer = await client.PostAsync(new Uri("/v1/chat/completions", UriKind.Relative), content);
        if (answer.StatusCode != HttpStatusCode.OK)
        {
            throw new InvalidOperationException($"The first completion after a start was answered {(int)answer.StatusCode}.");
        }
    }

    private static async Task<List<(TimeSpan At, double Bytes)>> SampleAsync(Subject subject, CancellationToken over)
    {
        var processes = subject.Processes();
        var samples = new List<(TimeSpan, double)>();
        var started = Stopwatch.GetTimestamp();
        while (!over.IsCancellationRequested)
        {
            samples.Add((Stopwatch.GetElapsedTime(started), ProcessUse.Read(processes).Sum(use => use.ResidentBytes)));
            await Task.Delay(TimeSpan.FromMilliseconds(500), CancellationToken.None);
        }

        return samples;
    }

    private static string Text(double value) => value.ToString("F1", CultureInfo.InvariantCulture);
}
