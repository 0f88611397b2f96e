using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using Crew.Testing;

namespace Crew.Faults.Tests;

/// <summary>A limit holds over all nodes together: exactly limit and burst, wherever the requests arrive.</summary>
public sealed class RateNodeTests
{
    private const int Limit = 50;
    private const int Burst = Limit / 5;
    private static readonly Uri Me = new("/v1/me", UriKind.Relative);

    [Fact]
    public async Task Limit_and_burst_are_exact_over_three_nodes()
    {
        Assert.SkipUnless(PostgresServer.IsAvailable, "There is no PostgreSQL here.");
        await using var bed = await NodeBed.StartAsync();
        await OneByOneAsync(bed);
        await AllAtOnceAsync(bed);
        await TheBurstRefillsAfterAQuietMinuteAsync(bed);
    }

    /// <summary>Whatever one node still holds, another one may use: the last request of the burst is accepted, the next one nowhere.</summary>
    private static async Task OneByOneAsync(NodeBed bed)
    {
        var clients = await NewMinuteAsync(bed);
        for (var n = 1; n <= Limit + Burst; n++)
        {
            using var accepted = await clients[n % clients.Count].GetAsync(Me, TestContext.Current.CancellationToken);
            accepted.StatusCode.ShouldBe(HttpStatusCode.OK, $"request {n}");
            Number(accepted, "X-RateLimit-Limit").ShouldBe(Limit);

            // A node shows what it knows: at the least its own share of the requests is gone.
            Number(accepted, "X-RateLimit-Remaining").ShouldBeInRange(0, Math.Max(0, Limit - ((n + 2) / clients.Count)));
        }

        foreach (var client in clients)
        {
            using var refused = await client.GetAsync(Me, TestContext.Current.CancellationToken);
            refused.StatusCode.ShouldBe(HttpStatusCode.TooManyRequests);
            refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds.ShouldBeInRange(1, 60);
            Number(refused, "X-RateLimit-Remaining").ShouldBe(0);
        }
    }

    private static async Task AllAtOnceAsync(NodeBed bed)
    {
        var clients = await NewMinuteAsync(bed);
        (await HammerAsync(clients)).ShouldBe(Limit + Burst);
    }

    private static async Task TheBurstRefillsAfterAQuietMinuteAsync(NodeBed bed)
    {
        var clients = await NewMinuteAsync(bed);
        (await HammerAsync(clients)).ShouldBe(Limit + Burst);

        // As if the next minute had come, and then one after a silent one.
        await ShiftAsync(bed, 1);
        (await HammerAsync(clients)).ShouldBe(Limit);
        await ShiftAsync(bed, 2);
        (await HammerAsync(clients)).ShouldBe(Limit + Burst);
    }

    private static async Task ShiftAsync(NodeBed bed, int minutes)
    {
        (await bed.ExecuteAsync($"UPDATE http_rates SET minute = minute - {minutes} WHERE refused")).ShouldBe(1);

        // Nodes believe for a moment that nothing is left.
        await Task.Delay(400, TestContext.Current.CancellationToken);
    }

    /// <summary>Sends more than three times what is allowed to all nodes; returns how many were accepted.</summary>
    private static async Task<int> HammerAsync(IReadOnlyList<HttpClient> clients)
    {
        var statuses = new ConcurrentBag<HttpStatusCode>();
        await Parallel.ForEachAsync(Enumerable.Range(0, 4 * (Limit + Burst)), new ParallelOptions { MaxDegreeOfParallelism = 24 }, async (n, cancel) =>
        {
            using var answer = await clients[n % clients.Count].GetAsync(Me, cancel);
            statuses.Add(answer.StatusCode);
        });
        statuses.ShouldAllBe(s => s == HttpStatusCode.OK || s == HttpStatusCode.TooManyRequests);
        return statuses.Count(s => s == HttpStatusCode.OK);
    }

    /// <summary>A fresh key, and enough of the minute left to use it up.</summary>
    private static async Task<IReadOnlyList<HttpClient>> NewMinuteAsync(NodeBed bed)
    {
        const double seconds = 25;
        var left = 60 - (DateTimeOffset.UtcNow.TimeOfDay.TotalSeconds % 60);
        if (left < seconds)
        {
            await Task.Delay(TimeSpan.FromSeconds(left + 0.1), TestContext.Current.CancellationToken);
        }

        await bed.ExecuteAsync("DELETE FROM http_rates WHERE refused");
        return bed.Clients((await bed[0].CreateKeyAsync(new NewKey { RateLimitPerMinute = Limit, Permissions = ["models:read"] })).Key);
    }

    private static int Number(HttpResponseMessage answer, string header) =>
        int.Parse(answer.Headers.GetValues(header).Single(), CultureInfo.InvariantCulture);
}
