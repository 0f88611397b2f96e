using System.Net.Http.Json;
using Crew.Testing;

namespace Crew.Faults.Tests;

/// <summary>
/// Requests of every kind of bad luck at once, by clients that try again: the ledger is the provider's bill, except where rows say that
/// nobody knows. Each kind has a model of its own, so that rows and bills are compared kind by kind.
/// </summary>
public sealed class MixedTests(ITestOutputHelper output)
{
    private const int Clients = 24;
    private const int Tries = 2;

    private static readonly Kind[] Kinds =
    [
        new("plain", new MockBehavior { Text = "ok" }, Money.Equal),
        new("plain-stream", new MockBehavior { Text = "ok", Chunks = 4 }, Money.Equal, Streams: true),
        new("error-500", MockBehavior.Fails(500), Money.Equal),
        new("error-429", MockBehavior.Fails(429), Money.Equal),
        new("zero", new MockBehavior { Text = "ok", PromptTokens = 0, CompletionTokens = 0, Usage = MockUsage.Zero }, Money.Equal),
        new("zero-stream", new MockBehavior { Text = "ok", Chunks = 2, PromptTokens = 0, CompletionTokens = 0, Usage = MockUsage.Zero }, Money.Equal, Streams: true),
        new("missing", new MockBehavior { Text = "ok", Usage = MockUsage.Missing }, Money.Covered),
        new("missing-stream", new MockBehavior { Text = "ok", Chunks = 4, Usage = MockUsage.Missing }, Money.Covered, Streams: true),
        new("cut", new MockBehavior { Text = "ok", CutAfterChunks = 0 }, Money.Covered),
        new("cut-stream", new MockBehavior { Text = "ok", Chunks = 8, CutAfterChunks = 3 }, Money.Covered, Streams: true),
        new("gone", new MockBehavior { Text = "ok", LatencyMinMs = 20, LatencyMaxMs = 60 }, Money.Equal, LeavesAfterMs: 30),
        new("gone-stream", new MockBehavior { Text = "ok", Chunks = 20, ChunksPerSecond = 200 }, Money.Equal, Streams: true, LeavesAfterMs: 50),
    ];

    [Fact]
    public async Task The_ledger_is_the_bill_whatever_goes_wrong_on_the_way()
    {
        var seed = Scale.Seed();
        output.WriteLine($"CREW_TEST_SEED={seed}");
        await using var mock = await MockProvider.StartAsync(new MockProviderOptions { KeptBodies = 0 });
        await using var server = await CrewServer.StartNewAsync(new CrewServerOptions { Providers = [mock] });
        var provider = await server.CreateProviderAsync(mock);
        foreach (var kind in Kinds)
        {
            mock.ForModel(kind.Model, kind.Behavior);
            await server.CreateModelAsync(new NewModel { Id = kind.Model, ProviderId = provider });
        }

        await server.CreateBudgetAsync("workspace", "100000.00", "total", "strict");
        var key = (await server.CreateKeyAsync(new NewKey())).Key;
        await DriveAsync(server.Client(key), new Random(seed), Scale.Of(900, 100_000));
        await mock.Books.QuietAsync(TimeSpan.FromSeconds(60));
        (await server.StopAsync()).ShouldBe(0);
        var rows = await new Auditor(() => SqliteFile.Connect(server)).LedgerAsync();
        rows.Count.ShouldBe((int)mock.Books.Received, "calls of the provider and rows of the ledger");
        foreach (var kind in Kinds)
        {
            Compare(kind, [.. rows.Where(row => row.Model == kind.Model)], [.. mock.Books.Bills.Where(bill => bill.Model == kind.Model)]);
        }

        rows.GroupBy(row => (row.RequestId, row.Number)).ShouldAllBe(attempt => attempt.Count() == 1);
    }

    private void Compare(Kind kind, List<LedgerRow> rows, List<MockBill> bills)
    {
        var (ledger, bill) = (rows.Sum(row => row.CostNano), bills.Sum(one => one.NanoUsd));
        var unknown = rows.Count(row => row.Provenance != "exact");
        var provenances = string.Join(", ", rows.GroupBy(row => row.Provenance).Select(group => $"{group.Count()} {group.Key}"));
        output.WriteLine($"{kind.Model}: {bills.Count} calls, bill {bill} nano-USD, ledger {ledger}, {provenances}");
        bills.ShouldNotBeEmpty(kind.Model);
        rows.Count.ShouldBe(bills.Count, kind.Model);
        if (kind.Money == Money.Equal)
        {
            unknown.ShouldBe(0, $"{kind.Model}: {rows.FirstOrDefault(row => row.Provenance != "exact")}");
            rows.Select(row => row.CostNano).Order().ShouldBe(bills.Select(one => one.NanoUsd).Order(), kind.Model);
        }
        else
        {
            unknown.ShouldBe(rows.Count, kind.Model);
            ledger.ShouldBeGreaterThanOrEqualTo(bill, kind.Model);
        }
    }

    private static async Task DriveAsync(HttpClient client, Random random, int requests)
    {
        var plan = Enumerable.Range(0, requests).Select(number => (Kind: Kinds[random.Next(Kinds.Length)], Tokens: 16 + (number % 3_000))).ToArray();
        await Parallel.ForEachAsync(plan, new ParallelOptions { MaxDegreeOfParallelism = Clients }, async (request, _) =>
        {
            for (var attempt = 0; attempt < Tries && !await AskAsync(client, request.Kind, request.Tokens); attempt++)
            {
                // A client that failed asks again, as SDKs do; each call is a row of its own.
            }
        });
    }

    /// <summary>Whether the client is content: it has its answer, or has left of its own accord.</summary>
    private static async Task<bool> AskAsync(HttpClient client, Kind kind, int tokens)
    {
        using var leaving = new CancellationTokenSource(kind.LeavesAfterMs ?? Timeout.Infinite);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions")
            {
                Content = JsonContent.Create(new
                {
                    model = kind.Model,
                    stream = kind.Streams,
                    max_tokens = tokens,
                    messages = new[] { new { role = "user", content = "hello" } },
                }),
            };
            using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, leaving.Token);
            await response.Content.ReadAsStringAsync(leaving.Token);
            return response.IsSuccessStatusCode;
        }
        catch (OperationCanceledException)
        {
            return true;
        }
        catch (Exception cut) when (cut is HttpRequestException or IOException)
        {
            return false;
        }
    }

    /// <summary>How rows and bills of a kind compare.</summary>
    private enum Money
    {
        /// <summary>Row by row to the nano-dollar.</summary>
        Equal,

        /// <summary>Nobody told the amount, so each row says so, and together they cover the bill.</summary>
        Covered,
    }

    private sealed record Kind(string Model, MockBehavior Behavior, Money Money, bool Streams = false, int? LeavesAfterMs = null);
}
