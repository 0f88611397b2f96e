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
        var trials = Scale.Of(45, 5_000);
        for (var trial = 0; trial < trials; trial++)
        {
            await run.TryAsync(trial, isKilled: trial % (trials / 3) == trials / 6);
        }

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

        public int Trials { get; private set; }

        public int Repeated { get; private set; }

        public int Lost { get; private set; }

        public int Kills { get; private set; }

        public override string ToString() => $"{Trials} trials, {Repeated} answers by the same successor, {Lost} replies lost, {Kills} kills";

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
        public async Task TryAsync(int trial, bool isKilled)
        {
            Trials++;
            var family = trial % Families;
            var token = _latest[family];
            var racers = Enumerable.Range(0, random.Next(2, 17)).Select(_ => (Patience: random.Next(4) == 0 ? random.Next(0, 12) : -1, Delay: random.Next(0, 4))).ToList();
            var race = Task.WhenAll(racers.Select(r => RaceAsync(token, r.Patience, r.Delay)));
            if (isKilled)
            {
                await Task.Delay(random.Next(0, 6), Cancel);
                server.Kill();
                Kills++;
                await server.RestartAsync();
            }

            var answers = await race;
            var successors = answers.OfType<string>().Distinct().ToList();
            if (successors.Count == 0)
            {
                // Every racer has lost its reply: the client comes again, as it would.
                successors.Add((await RefreshAsync(token, Cancel)).Token.ShouldNotBeNull());
            }

            successors.Count.ShouldBe(1, "two live tokens of one family");
            Repeated += answers.OfType<string>().Count() - 1;
            Lost += answers.Count(a => a is null);
            (_former[family], _latest[family]) = (token, successors[0]);
        }

        /// <summary>Each family's former token comes back: of one half at once, after the successor was used; of the other after the grace.</summary>
        public async Task ReuseAsync()
        {
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
