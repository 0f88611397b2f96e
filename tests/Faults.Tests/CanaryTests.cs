using System.Net;
using System.Net.Http.Json;
using System.Text;
using Crew.Testing;

namespace Crew.Faults.Tests;

/// <summary>
/// Marked prompts, answers and keys go through every path, success and failure. Then everything that the product writes is
/// scanned, running and stopped: data folder, logs, temporary files, PostgreSQL's files, metrics, traces. No hit is allowed.
/// </summary>
public abstract class CanaryTests
{
    private const string Prompt = "CANARY-prompt-7f3a91c2e5d8";
    private const string Answer = "CANARY-answer-b64d20f7a913";
    private const string ToolArgument = "CANARY-tool-51c0e9d7b8aa";
    private const string UnknownModel = "CANARY-model-90aa17bc44de";
    private protected const string MetricsToken = "metrics-token-for-tests";
    private const string ProviderKey = "sk-CANARY-provider-key-3e8d7c6b5a49";

    private protected abstract Task<(CrewServer Server, IReadOnlyList<string> Folders)> StartAsync(CrewServerOptions options);

    [Fact]
    [Trait("Trap", "15")]
    [Trait("Trap", "16")]
    public async Task No_prompt_answer_or_key_is_ever_written_anywhere()
    {
        await using var mock = await MockProvider.StartAsync();
        await using var collector = await OtlpCollector.StartAsync();
        var (server, folders) = await StartAsync(new CrewServerOptions
        {
            Providers = [mock],
            Environment = new Dictionary<string, string?>(collector.Environment) { ["CREW_METRICS_TOKEN"] = MetricsToken, ["DOTNET_EnableDiagnostics"] = "0" },
        });
        await using var running = server;
        var key = await SetUpAsync(server, mock);
        var secrets = new List<string> { Prompt, Answer, ToolArgument, UnknownModel, ProviderKey, key, server.Installation.ApiKeys.Live, server.Installation.ApiKeys.Test };
        await DriveAsync(server, mock, key);
        var metrics = await server.Client(MetricsToken).GetStringAsync("/metrics", TestContext.Current.CancellationToken);
        await Task.Delay(TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken);
        var scan = ByteScan.For([.. secrets]);
        Report(scan.Text(metrics, "metrics"), "metrics");
        foreach (var folder in folders)
        {
            Report(scan.Folder(folder), "while running");
        }

        (await server.StopAsync()).ShouldBe(0);
        foreach (var folder in folders)
        {
            Report(scan.Folder(folder), "after the stop");
        }

        collector.Received.ShouldNotBeEmpty();
        Report([.. collector.Received.SelectMany(r => scan.Bytes(r.Body, "traces"))], "traces");
    }

    private static void Report(IReadOnlyList<ByteHit> hits, string when) => hits.ShouldBeEmpty($"{when}:\n{string.Join('\n', hits)}");

    private static async Task<string> SetUpAsync(CrewServer server, MockProvider mock)
    {
        var provider = await server.CreateProviderAtAsync(mock.BaseUrl, ProviderKey);
        await server.CreateModelAsync(new NewModel { Id = "canary", ProviderId = provider });
        await server.CreateBudgetAsync("workspace", "100.00", "total", "strict");
        return (await server.CreateKeyAsync(new NewKey { Permissions = ["models:invoke", "models:read"] })).Key;
    }

    private static async Task DriveAsync(CrewServer server, MockProvider mock, string key)
    {
        var client = server.Client(key);
        var chat = new Uri("/v1/chat/completions", UriKind.Relative);
        foreach (var behavior in new[]
        {
            new MockBehavior { Text = Answer },
            new MockBehavior { ToolCalls = [new MockToolCall("look", $"{{\"q\":\"{ToolArgument}\"}}")] },
            MockBehavior.Fails(400, $"{{\"error\":{{\"message\":\"bad {Prompt}\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":null}}}}"),
            MockBehavior.Fails(401), MockBehavior.Fails(429), MockBehavior.Fails(500, Answer),
            new MockBehavior { Shape = MockShape.Garbage, Text = Answer }, new MockBehavior { Shape = MockShape.Html, Text = Answer },
            new MockBehavior { Text = Answer, Usage = MockUsage.Missing },
        })
        {
            mock.Default = behavior;
            using var plain = await client.PostAsJsonAsync(chat, Body(false));
            await plain.Content.ReadAsStringAsync();
            using var streamed = await client.PostAsJsonAsync(chat, Body(true));
            await streamed.Content.ReadAsStringAsync();
        }

        mock.Default = new MockBehavior { Text = Answer, Chunks = 50, ChunksPerSecond = 100, CutAfterChunks = 10 };
        using var cut = await client.PostAsJsonAsync(chat, Body(true));
        await Should.NotThrowAsync(async () => await ReadAllAsync(cut));
        mock.Default = new MockBehavior { Text = Answer, Chunks = 500, ChunksPerSecond = 100 };
        using (var leaving = new CancellationTokenSource(TimeSpan.FromMilliseconds(400)))
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, chat) { Content = JsonContent.Create(Body(true)) };
            await Should.ThrowAsync<Exception>(async () =>
            {
                using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, leaving.Token);
                await response.Content.ReadAsStringAsync(leaving.Token);
            });
        }

        mock.Default = MockBehavior.Instant;
        await RefusalsAsync(server, client, chat, key);
    }

    private static async Task RefusalsAsync(CrewServer server, HttpClient client, Uri chat, string key)
    {
        using var unknown = await client.PostAsJsonAsync(chat, new { model = UnknownModel, messages = Messages() });
        unknown.StatusCode.ShouldBe(HttpStatusCode.NotFound);
        foreach (var broken in new[] { $"{{\"model\":\"canary\",\"messages\":[\"{Prompt}\"", $"{{\"{Prompt}\":", $"\"{Prompt}\"" })
        {
            using var content = new StringContent(broken, Encoding.UTF8, "application/json");
            using var refused = await client.PostAsync(chat, content);
            ((int)refused.StatusCode).ShouldBeInRange(400, 499);
        }

        using var inUrl = await server.Client(null).GetAsync($"/v1/models?api_key={key}");
        inUrl.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        var almost = key[..^1] + (key[^1] == 'a' ? 'b' : 'a');
        using var wrong = await server.Client(almost).GetAsync("/v1/models");
        wrong.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        using var badManagement = await server.Master.PostAsJsonAsync("/v1/api-keys", new { name = "x", permissions = new[] { Prompt }, mode = "live" });
        badManagement.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        await Parallel.ForEachAsync(Enumerable.Range(0, 200), async (_, cancel) =>
        {
            using var response = await client.PostAsJsonAsync(chat, Body(false), cancel);
        });
    }

    private static async Task ReadAllAsync(HttpResponseMessage response)
    {
        try
        {
            await response.Content.ReadAsStringAsync();
        }
        catch (HttpRequestException)
        {
            // A cut stream may also end as a broken connection.
        }
    }

    private static object Body(bool stream) => new { model = "canary", stream, max_tokens = 64, messages = Messages() };

    private static object[] Messages() => [new { role = "system", content = $"Keep {Prompt}" }, new { role = "user", content = Prompt }];
}

public sealed class SqliteCanaryTests : CanaryTests
{
    private protected override async Task<(CrewServer, IReadOnlyList<string>)> StartAsync(CrewServerOptions options)
    {
        var server = await CrewServer.StartNewAsync(options);
        return (server, [server.Root]);
    }
}

public sealed class PostgresCanaryTests : CanaryTests
{
    private protected override async Task<(CrewServer, IReadOnlyList<string>)> StartAsync(CrewServerOptions options)
    {
        var postgres = await PostgresServer.SharedAsync();
        var server = await CrewServer.StartNewAsync(options with { Database = await postgres.CreateDatabaseAsync() });
        return (server, postgres.DataFolder is { } files ? [server.Root, files] : [server.Root]);
    }
}
