using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Crew.Gateway.Calls;
using Shouldly;
using Xunit;

namespace Crew.Gateway.Tests.Calls;

/// <summary>How long an answer is read on that nobody waits for any more, to the second.</summary>
public sealed class DrainLimitTests : IDisposable
{
    private static readonly TimeSpan Most = TimeSpan.FromSeconds(DrainRoom.MaximumSeconds);

    private readonly TcpListener _provider = new(IPAddress.Loopback, 0);

    public DrainLimitTests() => _provider.Start();

    [Fact]
    public async Task An_answer_that_ends_within_ten_minutes_of_its_clients_leaving_is_settled_by_what_the_provider_says()
    {
        await using var app = await GatewayApp.StartAsync(((IPEndPoint)_provider.LocalEndpoint).Port);
        var (requestId, socket) = await LeftAsync(app);
        using var _ = socket;
        app.Clock.Advance(Most - TimeSpan.FromSeconds(1));
        await SendAsync(socket, """
            data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}}

            data: [DONE]


            """);
        var attempt = await SettledAsync(app, requestId);
        attempt.GetProperty("provenance").GetString().ShouldBe("exact");
        attempt.GetProperty("tokens").GetProperty("output").GetInt64().ShouldBe(7);
    }

    [Fact]
    public async Task A_provider_that_says_nothing_is_broken_off_after_ten_minutes_and_keeps_all_that_was_set_aside()
    {
        await using var app = await GatewayApp.StartAsync(((IPEndPoint)_provider.LocalEndpoint).Port);
        var (requestId, socket) = await LeftAsync(app);
        using var _ = socket;
        app.Clock.Advance(Most);
        await GoneAsync(socket);
        var attempt = await SettledAsync(app, requestId);
        attempt.GetProperty("provenance").GetString().ShouldBe("lost");
        attempt.GetProperty("outcome").GetString().ShouldBe("client_closed");
    }

    [Fact]
    public async Task A_provider_that_never_ends_is_broken_off_after_ten_minutes()
    {
        await using var app = await GatewayApp.StartAsync(((IPEndPoint)_provider.LocalEndpoint).Port);
        var (requestId, socket) = await LeftAsync(app);
        using var _ = socket;
        for (var minute = 0; minute < 10; minute++)
        {
            await SendAsync(socket, Text);
            app.Clock.Advance(TimeSpan.FromMinutes(1));
        }

        await GoneAsync(socket);
        (await SettledAsync(app, requestId)).GetProperty("provenance").GetString().ShouldBe("lost");
    }

    public void Dispose() => _provider.Dispose();

    private const string Text = """
        data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}


        """;

    /// <summary>A stream whose client has gone after its first words, and the provider's side of it.</summary>
    private async Task<(string RequestId, Socket Provider)> LeftAsync(GatewayApp app)
    {
        var provider = await app.PostAsync("/v1/gateway/providers", new
        {
            name = "slow",
            kind = "openai",
            base_url = $"http://127.0.0.1:{((IPEndPoint)_provider.LocalEndpoint).Port}/v1",
            api_key = "sk-of-a-slow-provider",
            timeouts = new { idle_seconds = 3_600, total_seconds = 7_200 },
        });
        var targets = new[] { new { provider_id = provider.GetProperty("id").GetString(), upstream_model = "m" } };
        await app.PostAsync("/v1/gateway/models", new { id = "m", targets, price_per_million_usd = new { input = "1", output = "2" } });
        await app.PostAsync("/v1/budgets", new { scope = "workspace", amount_usd = "1", window = "total", mode = "strict" });
        var answering = _provider.AcceptSocketAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions")
        {
            Content = JsonContent.Create(new { model = "m", stream = true, max_tokens = 64, messages = new[] { new { role = "user", content = "Hello" } } }),
        };
        var sending = app.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        var socket = await answering;
        await SendAsync(socket, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" + Text);
        using (var answer = await sending)
        {
            answer.StatusCode.ShouldBe(HttpStatusCode.OK);
            await using var stream = await answer.Content.ReadAsStreamAsync();
            (await stream.ReadAsync(new byte[4])).ShouldBeGreaterThan(0);
            answer.Dispose();
            await UntilAsync(() => app.Drains.Count == 1);
            return (answer.Headers.GetValues("X-Request-Id").Single(), socket);
        }
    }

    private static async Task<JsonElement> SettledAsync(GatewayApp app, string requestId)
    {
        await UntilAsync(() => app.Drains.Count == 0);
        return (await app.GetAsync($"/v1/gateway/requests/{requestId}")).GetProperty("attempts")[0];
    }

    private static async Task SendAsync(Socket socket, string text) => await socket.SendAsync(Encoding.UTF8.GetBytes(text));

    /// <summary>Reads the request away, and then the end of the connection.</summary>
    private static async Task GoneAsync(Socket socket)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        try
        {
            while (await socket.ReceiveAsync(new byte[65_536], patience.Token) > 0)
            {
            }
        }
        catch (SocketException)
        {
            // Closed with bytes of ours unread.
        }
    }

    private static async Task UntilAsync(Func<bool> holds)
    {
        for (var tries = 0; !holds(); tries++)
        {
            tries.ShouldBeLessThan(1_500, "It never came to that.");
            await Task.Delay(20);
        }
    }
}
