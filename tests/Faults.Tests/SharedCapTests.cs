using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Text;
using Crew.Testing;

namespace Crew.Faults.Tests;

/// <summary>
/// Real nodes over one PostgreSQL and one strict cap. The provider keeps every answer back, so that nothing is given back to the budget while it
/// is looked at: then a refusal is false exactly when a request that came after it is admitted.
/// </summary>
public sealed class SharedCapTests(ITestOutputHelper output)
{
    private const int OutputCap = 16;
    private const long InputNano = 150;
    private const long OutputNano = 600;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(120);

    private readonly MockGate[] _gates = [new(), new(), new()];
    private readonly ConcurrentBag<Seen> _seen = [];

    private sealed record Seen(int Node, HttpStatusCode Status, long SentAt, long AnsweredAt);

    [Fact]
    public async Task A_node_that_dies_and_one_that_stands_still_neither_pass_a_strict_cap_nor_make_another_refuse_what_fits()
    {
        Assert.SkipUnless(PostgresServer.IsAvailable, "There is no PostgreSQL here.");
        var (requests, fitting) = (Scale.Of(240, 1_000), Scale.Of(60, 300));
        await using var mock = await MockProvider.StartAsync();
        await using var bed = await NodeBed.StartAsync(new NodeBedOptions { Server = new CrewServerOptions { Providers = [mock] } });
        var provider = await bed[0].CreateProviderAsync(mock);
        for (var node = 0; node < _gates.Length; node++)
        {
            await bed[0].CreateModelAsync(new NewModel { Id = Model(node), ProviderId = provider });
        }

        var epoch = await EpochOfFirstAsync(bed);
        await mock.Books.QuietAsync(Limit);
        mock.Books.Clear();
        mock.Rule = r => new MockBehavior { Gate = _gates[r.Model![1] - '0'], CompletionTokens = 1_000 };
        var worst = ((Encoding.UTF8.GetByteCount(Body(0)) + 256) * InputNano) + (OutputCap * OutputNano);
        var cap = (worst * fitting) + (worst / 2);
        var key = await bed[0].CreateKeyAsync(new NewKey());
        var budget = await bed[0].CreateBudgetAsync($"key:{key.Id}", Usd(cap));
        var clients = bed.Clients(key.Key);

        var asks = Enumerable.Range(0, requests / 2).Select(n => AskAsync(n % 3, clients)).ToList();
        await UntilAsync(() => _gates.Sum(g => g.Waiting) >= fitting / 3);
        bed[2].Kill();
        bed[1].Pause();
        var rest = Enumerable.Range(0, requests - asks.Count).Select(_ => AskAsync(0, clients)).ToList();
        var ofFirst = asks.Where((_, n) => n % 3 == 0).Concat(rest).ToList();
        await UntilAsync(() => ofFirst.Count(a => !a.IsCompleted) == _gates[0].Waiting);
        var refusedAt = _seen.Where(s => s.Status == HttpStatusCode.PaymentRequired).Min(s => s.AnsweredAt);

        // The database and the gate say the same: less than one request was left beside what the unreachable nodes have leased.
        var taken = await bed.ReadAsync<decimal>($"SELECT SUM(GREATEST(leased_nano, settled_nano)) FROM spend_leases WHERE budget_id = '{budget}'");
        var own = await bed.ReadAsync<decimal>($"SELECT SUM(leased_nano) FROM spend_leases WHERE budget_id = '{budget}' AND epoch = {epoch}");
        taken.ShouldBeLessThanOrEqualTo(cap);
        (cap - taken + own - (_gates[0].Waiting * worst)).ShouldBeLessThan(worst, "refused what would have fitted");
        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => AskAsync(0, clients)));

        var (left, all) = (_gates[0].Waiting, _gates.Sum(g => g.Waiting));
        left.ShouldBeGreaterThan(0);
        bed[1].Resume();
        Array.ForEach(_gates, g => g.Open());
        await Task.WhenAll([.. asks, .. rest]);
        await mock.Books.QuietAsync(Limit);
        _seen.Where(s => s is { Node: 0, Status: HttpStatusCode.OK } && s.SentAt > refusedAt).ShouldBeEmpty("refused, and admitted later");
        _seen.Select(s => s.Status).Distinct().ShouldBeSubsetOf([HttpStatusCode.OK, HttpStatusCode.PaymentRequired]);
        mock.Books.TotalNanoUsd.ShouldBeInRange(1, cap);
        taken = await bed.ReadAsync<decimal>($"SELECT SUM(GREATEST(leased_nano, settled_nano)) FROM spend_leases WHERE budget_id = '{budget}'");
        mock.Books.TotalNanoUsd.ShouldBeLessThanOrEqualTo((long)taken, "billed and not covered");
        output.WriteLine($"{all} of {fitting} that fit were admitted, {left} of them at the node that was left; with what came back {mock.Books.Received} of {requests + 20}");
    }

    private static string Model(int node) => $"n{node}";

    private static string Body(int node) =>
        $$"""{"model":"{{Model(node)}}","max_tokens":{{OutputCap}},"messages":[{"role":"user","content":"Say something short."}]}""";

    private static string Usd(long nano) => FormattableString.Invariant($"{nano / 1_000_000_000}.{nano % 1_000_000_000:D9}");

    /// <summary>A budget of which only the first node leases tells its number.</summary>
    private static async Task<long> EpochOfFirstAsync(NodeBed bed)
    {
        var key = await bed[0].CreateKeyAsync(new NewKey());
        var budget = await bed[0].CreateBudgetAsync($"key:{key.Id}", "1.00");
        using var answer = await SendAsync(bed[0].Client(key.Key), 0);
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        return await bed.ReadAsync<long>($"SELECT epoch FROM spend_leases WHERE budget_id = '{budget}'");
    }

    private static Task<HttpResponseMessage> SendAsync(HttpClient client, int node) => client.PostAsync(
        new Uri("/v1/chat/completions", UriKind.Relative), new StringContent(Body(node), Encoding.UTF8, "application/json"));

    /// <summary>One request, until it is admitted or refused; what says that it may be tried again is tried again.</summary>
    private async Task AskAsync(int node, IReadOnlyList<HttpClient> clients)
    {
        while (true)
        {
            var sent = Stopwatch.GetTimestamp();
            try
            {
                using var answer = await SendAsync(clients[node], node);
                if (answer.StatusCode == HttpStatusCode.ServiceUnavailable)
                {
                    answer.Headers.GetValues("x-should-retry").ShouldBe(["true"]);
                    await Task.Delay(50);
                    continue;
                }

                _seen.Add(new Seen(node, answer.StatusCode, sent, Stopwatch.GetTimestamp()));
                return;
            }
            catch (HttpRequestException) when (node == 2)
            {
                return;
            }
        }
    }

    private static async Task UntilAsync(Func<bool> holds)
    {
        using var late = new CancellationTokenSource(Limit);
        while (!holds())
        {
            await Task.Delay(5, late.Token);
        }
    }
}
