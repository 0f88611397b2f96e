using System.Globalization;
using Crew.Bench.Control;
using Crew.Bench.Load;
using Crew.Bench.Measure;

namespace Crew.Bench.Run;

/// <summary>The ratios for every dialect, streams as fast as they go, streams in which nothing happens, and other gateways.</summary>
internal sealed partial class Comparisons
{
    private const int FloodStreams = 16;
    private const int IdleStreams = 1_000;
    private const double MostIdleKilobytes = 20;
    private const double LeastTokensPerCore = 1e6;
    private const double LeastTimesPeer = 20;

    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(5);

    public async Task DialectsAsync()
    {
        foreach (var (name, path, model, body) in new (string, string, string, Func<string, string>)[]
        {
            ("responses", "/v1/responses", MockMode.Instant, model => $$"""{"model":"{{model}}","max_output_tokens":16,"input":"{{Words}}"}"""),
            ("messages", "/v1/messages", MockMode.Message, Message),
            ("embeddings", "/v1/embeddings", MockMode.Instant, model => $$"""{"model":"{{model}}","input":"{{Words}}"}"""),
            ("chat completions carried to messages", "/v1/chat/completions", MockMode.Message, Chat),
            ("messages carried to chat completions", "/v1/messages", MockMode.Instant, Message),
        })
        {
            var pairs = await PairsAsync(subject => LoadLoops.ClosedAsync(
                subject.Plan(path, body(ReferenceEquals(subject, stage.Control) ? MockMode.Instant : model), settings.Warmup, settings.Seconds), Connections));
            Ratio($"{name}: throughput, 256 connections (requests/s)", pairs, run => run.PerSecond, "F0",
                new Goal(0.70, 0.85, AtLeast: true), "ratio ≥ 0.70, stretch 0.85");
            Ratio($"{name}: CPU per request (µs)", pairs, run => run.CpuMicroseconds, "F1",
                new Goal(1.6, 1.3, AtLeast: false), "ratio ≤ 1.6, stretch 1.3");
        }
    }

    public async Task FloodAsync()
    {
        var pairs = await PairsAsync(subject => LoadLoops.StreamsAsync(
            subject.Plan("/v1/chat/completions", Stream(MockMode.Flood, MockMode.FloodTokens), settings.Warmup, settings.Seconds), FloodStreams));
        double TokensPerCore(LoadResult run) => run.Done * MockMode.FloodTokens / Math.Max(run.Used.Sum(use => use.CpuSeconds), 0.01);
        var tokens = Estimate.OfPairs(pairs.Select(pair => TokensPerCore(pair.Crew)));
        report.Add(new ReportRow("streams as fast as they go: output tokens per second of processor time",
            Text(Statistics.Median(pairs.Select(pair => TokensPerCore(pair.Control))), "F0"), Text(tokens.Middle, "F0"), "",
            $"{Text(tokens.Low, "F0")} to {Text(tokens.High, "F0")}", "≥ 1,000,000",
            Judge(pairs, tokens.Middle >= LeastTokensPerCore ? Verdict.Met : Verdict.Missed)));
    }

    public async Task IdleAsync()
    {
        var control = await IdleBytesAsync(stage.Control);
        var crew = await IdleBytesAsync(stage.Crew);
        report.Add(new ReportRow($"resident memory of a stream in which nothing happens, of {IdleStreams} (KB)", Text(control, "F1"), Text(crew, "F1"), "", "",
            "≤ 20 KB", crew <= MostIdleKilobytes ? Verdict.Met : Verdict.Missed));
    }

    /// <summary>Crew with everything on beside another gateway with nothing on but the way to the provider.</summary>
    public async Task PeersAsync()
    {
        if (stage.Peer is not { } peer)
        {
            report.Note("No other gateway was measured: run ./bench.sh --peers, which installs it.");
            return;
        }

        Task<LoadResult> RunAsync(Subject subject) => LoadLoops.ClosedAsync(Plan(subject, MockMode.Instant, 1024), Connections);
        _ = await RunAsync(peer);
        _ = await RunAsync(stage.Crew);
        var (crews, peers) = (new List<LoadResult>(), new List<LoadResult>());
        for (var number = 0; number < settings.Pairs; number++)
        {
            crews.Add(await RunAsync(stage.Crew));
            peers.Add(await RunAsync(peer));
        }

        if (peers.Sum(run => run.Refused + run.Broken) is var failed and > 0)
        {
            report.Note($"{peer.Name}: {failed} of {peers.Sum(run => run.Done)} answers were not 200 or broke.");
        }

        var times = Estimate.OfPairs(crews.Zip(peers, (crew, other) => crew.PerSecond / Math.Max(other.PerSecond, 0.01)));
        report.Add(new ReportRow($"throughput beside {peer.Name}, 256 connections (requests/s)", Text(Statistics.Median(peers.Select(run => run.PerSecond)), "F0"),
            Text(Statistics.Median(crews.Select(run => run.PerSecond)), "F0"), Text(times.Middle, "F1"), $"{Text(times.Low, "F1")} to {Text(times.High, "F1")}",
            "ratio ≥ 20", times.Middle >= LeastTimesPeer ? Verdict.Met : Verdict.Missed));
        var (slow, quick) = (Statistics.Median(peers.Select(run => run.Latency.Milliseconds(0.99))), Statistics.Median(crews.Select(run => run.Latency.Milliseconds(0.99))));
        report.Add(new ReportRow($"the same: p99 (ms)", Text(slow, "F1"), Text(quick, "F1"), Text(quick / Math.Max(slow, 0.001), "F2"), "", "lower",
            quick < slow ? Verdict.Met : Verdict.Missed));
    }

    private static string Words { get; } = string.Join(' ', Enumerable.Range(0, 110).Select(number =>
        string.Create(CultureInfo.InvariantCulture, $"word{number * 7919 % 10007}")));

    private static string Chat(string model) => $$"""{"model":"{{model}}","max_tokens":16,"messages":[{"role":"user","content":"{{Words}}"}]}""";

    private static string Message(string model) => Chat(model);

    private static string Stream(string model, int tokens) =>
        $$"""{"model":"{{model}}","stream":true,"max_tokens":{{tokens}},"messages":[{"role":"user","content":"{{Words}}"}]}""";

    /// <summary>What the processes have grown by for each stream once all are open, in KB.</summary>
    private static async Task<double> IdleBytesAsync(Subject subject)
    {
        var target = subject.Plan("/v1/chat/completions", Stream(MockMode.Idle, 16), default, default).Target;
        var before = Resident(subject);
        var connections = new List<LoadConnection>();
        var streams = new List<Task>();
        for (var opened = 0; opened < IdleStreams; opened++)
        {
            var connection = new LoadConnection(target);
            connections.Add(connection);
            await connection.ConnectAsync();
            streams.Add(WaitAsync(connection));
        }

        await Task.Delay(Settle);
        var grown = Resident(subject) - before;
        connections.ForEach(connection => connection.Dispose());
        await Task.WhenAll(streams);
        await Task.Delay(Settle);
        return grown / 1024.0 / IdleStreams;
    }

    private static async Task WaitAsync(LoadConnection connection)
    {
        try
        {
            await connection.StreamAsync(static _ => { });
        }
        catch (Exception closed) when (closed is System.Net.Sockets.SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // It was open for as long as it was looked at.
        }
    }

    private static long Resident(Subject subject) => ProcessUse.Read(subject.Processes()).Sum(use => use.ResidentBytes);
}
