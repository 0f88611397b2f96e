using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Crew.Testing;

namespace Crew.Faults.Tests;

/// <summary>
/// Clients that refresh the same token at once, lose replies, and meet a server that dies: nobody is logged out by that, no two lines of a
/// family are ever alive, and a token that comes back after the grace ends its family.
/// </summary>
public sealed class RefreshRaceTests(ITestOutputHelper output)
{
    private const int Families = 24;

    /// <summary>Families that race at the same time: their flushes are shared, so that ten thousand trials take minutes and not hours.</summary>
    private const int AtOnce = 8;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Nobody_is_logged_out_by_a_lost_race_and_every_late_reuse_is_caught(bool onPostgres)
    {
        Assert.SkipUnless(!onPostgres || PostgresServer.IsAvailable, "There is no PostgreSQL here.");
        var seed = Scale.Seed();
        output.WriteLine($"seed {seed}");
        await using var server = await CrewServer.StartNewAsync(new CrewServerOptions
        {
            Database = onPostgres ? await (await PostgresServer.SharedAsync()).CreateDatabaseAsync() : null,
        });
        var run = new Run(server, new Random(seed));
        await run.MintAsync();
        await run.RaceAsync(Scale.Of(45, 5_000), kills: 3);
        await run.ReuseAsync();
        output.WriteLine(run.ToString());
        run.Repeated.ShouldBeGreaterThan(0);
        run.Lost.ShouldBeGreaterThan(0);
        run.Kills.ShouldBe(3);
    }

    private sealed class Run(CrewServer server, Random random)
    {
        private readonly HttpClient _client = server.Client(null);
        private readonly List<string> _latest = [];
        private readonly List<string?> _former = [];
        private int _trials;
        private int _repeated;
        private int _lost;

        public int Repeated => _repeated;

        public int Lost => _lost;

        public int Kills { get; private set; }

        public override string ToString() => $"{_trials} trials, {_repeated} answers by the same successor, {_lost} replies lost, {Kills} kills";

        /// <summary>All trials, each family's one after the other and several families at once, with kills of the server spread over them.</summary>
        public async Task RaceAsync(int trials, int kills)
        {
            var seeds = Enumerable.Range(0, Families).Select(_ => random.Next()).ToList();
            var next = 0;
            var lines = Enumerable.Range(0, AtOnce).Select(line => Task.Run(async () =>
            {
                var dice = new Random(seeds[line]);
                for (var turn = 0; Interlocked.Increment(ref next) <= trials; turn++)
                {
                    // Each line has its own families, so that nobody else races for a token of them.
                    await TryAsync(line + (AtOnce * (turn % (Families / AtOnce))), dice);
                }
            }, Cancel)).ToList();
            while (Kills < kills)
            {
                var due = (trials * ((2 * Kills) + 1)) / (2 * kills);
                while (Volatile.Read(ref next) < due && !lines.TrueForAll(l => l.IsCompleted))
                {
                    await Task.Delay(1, Cancel);
                }

                server.Kill();
                Kills++;
                await server.RestartAsync();
            }

            await Task.WhenAll(lines);
        }

        public async Task MintAsync()
        {
            var issuer = server.Client(server.Installation.ApiKeys.Live);
            for (var family = 0; family < Families; family++)
            {
                using var made = await issuer.PostAsJsonAsync("/v1/auth/tokens", new { subject = $"s{family}", permissions = new[] { "crews:read" } }, Cancel);
                made.StatusCode.ShouldBe(HttpStatusCode.Created);
                _latest.Add(Field(await made.Content.ReadFromJsonAsync<JsonElement>(Cancel), "refresh_token"));
                _former.Add(null);
            }
        }

        /// <summary>Several refreshes of one token at once; some lose their reply, some meet the server's death, and repeat until they have one.</summary>
        private async Task TryAsync(int family, Random dice)
        {
            Interlocked.Increment(ref _trials);
            var token = _latest[family];
            var racers = Enumerable.Range(0, dice.Next(2, 17)).Select(_ => (Patience: dice.Next(4) == 0 ? dice.Next(0, 12) : -1, Delay: dice.Next(0, 4))).ToList();
            var answers = await Task.WhenAll(racers.Select(r => RaceAsync(token, r.Patience, r.Delay)));
            var successors = answers.OfType<string>().Distinct().ToList();
            if (successors.Count == 0)
            {
                // Every racer has lost its reply: the client comes again, as it would.
                successors.Add((await RaceAsync(token, -1, 0)).ShouldNotBeNull());
            }

            successors.Count.ShouldBe(1, "two live tokens of one family");
            Interlocked.Add(ref _repeated, Math.Max(0, answers.OfType<string>().Count() - 1));
            Interlocked.Add(ref _lost, answers.Count(a => a is null));
            (_former[family], _latest[family]) = (token, successors[0]);
        }

        /// <summary>Each family's former token comes back: of one half at once, after the successor was used; of the other after the grace.</summary>
        public async Task ReuseAsync()
        {
            for (var family = 0; family < Families; family++)
            {
                if (_former[family] is null)
                {
                    (_former[family], _latest[family]) = (_latest[family], (await RefreshAsync(_latest[family], Cancel)).Token.ShouldNotBeNull());
                }
            }

            for (var family = 0; family < Families / 2; family++)
            {
                (await RefreshAsync(_latest[family], Cancel)).Token.ShouldNotBeNull();
                await IsCaughtAsync(family);
            }

            await Task.Delay(TimeSpan.FromSeconds(10.5), Cancel);
            for (var family = Families / 2; family < Families; family++)
            {
                await IsCaughtAsync(family);
            }
        }

        private async Task IsCaughtAsync(int family)
        {
            (await RefreshAsync(_former[family]!, Cancel)).Reason.ShouldBe("reused");
            (await RefreshAsync(_latest[family], Cancel)).Reason.ShouldBe("revoked");
        }

        /// <summary>The successor; null when the reply was lost on purpose. A dead server is asked again until it lives.</summary>
        private async Task<string?> RaceAsync(string token, int patienceMilliseconds, int delayMilliseconds)
        {
            await Task.Delay(delayMilliseconds, Cancel);
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
            if (patienceMilliseconds >= 0)
            {
                patience.CancelAfter(patienceMilliseconds);
            }

            while (true)
            {
                try
                {
                    var answer = await RefreshAsync(token, patience.Token);
                    answer.Reason.ShouldBeNull("a family was revoked by a lost race");
                    return answer.Token;
                }
                catch (OperationCanceledException) when (!Cancel.IsCancellationRequested)
                {
                    return null;
                }
                catch (HttpRequestException)
                {
                    await Task.Delay(20, Cancel);
                }
            }
        }

        private async Task<(string? Token, string? Reason)> RefreshAsync(string token, CancellationToken cancel)
        {
            using var answer = await _client.PostAsJsonAsync("/v1/auth/tokens/refresh", new { refresh_token = token }, cancel);
            var body = await answer.Content.ReadFromJsonAsync<JsonElement>(cancel);
            return answer.IsSuccessStatusCode ? (Field(body, "refresh_token"), null)
                : (null, body.GetProperty("error").TryGetProperty("details", out var details) && details.TryGetProperty("reason", out var reason) ? reason.GetString() : body.GetRawText());
        }

        private static string Field(JsonElement body, string name) => body.GetProperty("data").GetProperty(name).GetString()!;
    }
}
