using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using Crew.Bench.Load;
using Crew.Testing;

namespace Crew.Bench.Run;

/// <summary>Refreshes of user tokens over HTTP, each of a family of its own, with everything durable.</summary>
internal sealed class Refreshes(Stage stage, RunSettings settings, Report report)
{
    private const int Clients = 16;
    private const double LeastPerSecond = 500;
    private const double MostP95Milliseconds = 50;

    public async Task MeasureAsync()
    {
        if (stage.Server is not { } server)
        {
            return;
        }

        var tokens = await MintAsync(server);
        await RunAsync(server, tokens, new Histogram(), settings.Warmup);
        var times = new Histogram();
        var started = Stopwatch.GetTimestamp();
        var count = await RunAsync(server, tokens, times, settings.Seconds);
        var perSecond = count / Stopwatch.GetElapsedTime(started).TotalSeconds;
        var p95 = times.At(0.95) / 1e6;
        report.Add(new ReportRow($"refreshes of user tokens per second, {Clients} clients", "", Text(perSecond), "", $"{count} refreshes",
            "≥ 500", perSecond >= LeastPerSecond ? Verdict.Met : Verdict.Missed));
        report.Add(new ReportRow("refresh of a user token, p95 (ms)", "", Text(p95), "", $"p50 {Text(times.At(0.5) / 1e6)}, p99 {Text(times.At(0.99) / 1e6)}",
            "≤ 50 ms", p95 <= MostP95Milliseconds ? Verdict.Met : Verdict.Missed));
    }

    private static async Task<string[]> MintAsync(CrewServer server)
    {
        var issuer = await server.CreateKeyAsync(new NewKey { Name = "issuer", Permissions = ["tokens:create", "models:invoke"] });
        var client = server.Client(issuer.Key);
        var tokens = new string[Clients];
        for (var at = 0; at < Clients; at++)
        {
            using var made = await client.PostAsJsonAsync("/v1/auth/tokens", new { subject = $"bench-{at}", permissions = new[] { "models:invoke" } });
            made.EnsureSuccessStatusCode();
            tokens[at] = await TokenAsync(made);
        }

        return tokens;
    }

    private static async Task<long> RunAsync(CrewServer server, string[] tokens, Histogram times, TimeSpan duration)
    {
        var (client, count, began) = (server.Client(null), 0L, Stopwatch.GetTimestamp());
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(at => Task.Run(async () =>
        {
            while (Stopwatch.GetElapsedTime(began) < duration)
            {
                var started = Stopwatch.GetTimestamp();
                using var answer = await client.PostAsJsonAsync("/v1/auth/tokens/refresh", new { refresh_token = tokens[at] });
                answer.EnsureSuccessStatusCode();
                tokens[at] = await TokenAsync(answer);
                times.Add((long)Stopwatch.GetElapsedTime(started).TotalNanoseconds);
                Interlocked.Increment(ref count);
            }
        })));
        return count;
    }

    private static async Task<string> TokenAsync(HttpResponseMessage answer) =>
        (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("data").GetProperty("refresh_token").GetString()!;

    private static string Text(double value) => value.ToString("F1", CultureInfo.InvariantCulture);
}
