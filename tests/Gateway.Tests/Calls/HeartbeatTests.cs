using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using Shouldly;
using Xunit;

namespace Crew.Gateway.Tests.Calls;

/// <summary>Streams whose provider says nothing, under a clock that the test moves: when a sign of life goes out, where, and what it changes.</summary>
public sealed class HeartbeatTests : IDisposable
{
    private const string Text = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":null}]}\n\n";
    private const string ChatPing = ": ping\n\n";
    private const string MessagePing = "event: ping\ndata: {\"type\": \"ping\"}\n\n";
    private const string Delta = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}\n\n";

    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(16);

    private readonly TcpListener _provider = new(IPAddress.Loopback, 0);

    public HeartbeatTests() => _provider.Start();

    public void Dispose() => _provider.Dispose();

    [Fact]
    [Trait("Trap", "22")]
    public async Task A_silent_stream_gets_a_sign_of_life_between_two_whole_events()
    {
        await using var app = await StartAsync();
        using var stream = await OpenAsync(app, "openai", "/v1/chat/completions");
        app.Clock.Advance(Silence);
        await stream.ShouldSayAsync(ChatPing);
        await stream.TellAsync(Text[..20]);
        app.Clock.Advance(Silence);
        await stream.ShouldSayAsync(ChatPing);
        await stream.TellAsync(Text[20..]);
        await stream.ShouldSayAsync(Text);
        app.Clock.Advance(TimeSpan.FromSeconds(10));
        await stream.TellAsync(Text);
        await stream.ShouldSayAsync(Text);
        app.Clock.Advance(TimeSpan.FromSeconds(10));
        await Task.Delay(100);
        await stream.TellAsync("data: [DONE]\n\n");
        await stream.ShouldSayAsync("data: [DONE]\n\n");
        (await stream.RestAsync()).ShouldBe("", "ten seconds are no silence");
    }

    [Fact]
    public async Task The_providers_time_limit_does_not_hear_of_it()
    {
        await using var app = await StartAsync();
        using var stream = await OpenAsync(app, "openai", "/v1/chat/completions", idleSeconds: 40);
        await stream.TellAsync(Text);
        await stream.ShouldSayAsync(Text);
        app.Clock.Advance(Silence);
        await stream.ShouldSayAsync(ChatPing);
        app.Clock.Advance(Silence);
        await stream.ShouldSayAsync(ChatPing);
        app.Clock.Advance(TimeSpan.FromSeconds(9));
        (await stream.RestAsync()).ShouldContain("provider_timeout");
    }

    [Fact]
    public async Task A_message_gets_a_comment_before_its_first_content_and_then_the_event_of_its_dialect()
    {
        await using var app = await StartAsync();
        using var stream = await OpenAsync(app, "anthropic", "/v1/messages");
        app.Clock.Advance(Silence);
        await stream.ShouldSayAsync(ChatPing);
        await stream.TellAsync(Delta);
        await stream.ShouldSayAsync(Delta);
        app.Clock.Advance(Silence);
        await stream.ShouldSayAsync(MessagePing);
    }

    [Fact]
    public async Task A_byte_order_mark_that_is_no_longer_the_first_thing_is_left_out()
    {
        await using var app = await StartAsync();
        using var stream = await OpenAsync(app, "openai", "/v1/chat/completions");
        app.Clock.Advance(Silence);
        await stream.ShouldSayAsync(ChatPing);
        await stream.TellAsync("\uFEFF" + Text + Text);
        await stream.ShouldSayAsync(Text + Text);
    }

    [Fact]
    public async Task Nothing_goes_out_inside_a_frame_that_is_passed_on_in_pieces()
    {
        await using var app = await StartAsync();
        using var stream = await OpenAsync(app, "openai", "/v1/chat/completions");
        var half = "data: " + new string('x', (1 << 20) + 100);
        await stream.TellAsync(half);
        await stream.ShouldSayAsync(half);
        app.Clock.Advance(Silence);
        await Task.Delay(100);
        await stream.TellAsync("y\n\n");
        await stream.ShouldSayAsync("y\n\n");
    }

    private Task<GatewayApp> StartAsync() => GatewayApp.StartAsync(((IPEndPoint)_provider.LocalEndpoint).Port);

    private async Task<OpenStream> OpenAsync(GatewayApp app, string kind, string path, int idleSeconds = 300)
    {
        var provider = await app.PostAsync("/v1/gateway/providers", new
        {
            name = "slow",
            kind,
            base_url = $"http://127.0.0.1:{((IPEndPoint)_provider.LocalEndpoint).Port}/v1",
            api_key = "sk-of-a-slow-provider",
            cancel_stops_billing = true,
            timeouts = new { idle_seconds = idleSeconds, total_seconds = 7_200 },
        });
        var targets = new[] { new { provider_id = provider.GetProperty("id").GetString(), upstream_model = "m" } };
        await app.PostAsync("/v1/gateway/models", new { id = "m", targets, price_per_million_usd = new { input = "1", output = "2" } });
        var answering = _provider.AcceptSocketAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, path)
        {
            Content = JsonContent.Create(new { model = "m", stream = true, max_tokens = 64, messages = new[] { new { role = "user", content = "Hello" } } }),
        };
        var sending = app.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        var socket = await answering;
        await socket.ReceiveAsync(new byte[65_536]);
        await socket.SendAsync("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"u8.ToArray());

        // The relay has to have begun to wait; its head goes out with the first bytes, whosever they are.
        await Task.Delay(300);
        return new OpenStream(socket, sending);
    }

    /// <summary>Both ends of a stream.</summary>
    private sealed class OpenStream(Socket provider, Task<HttpResponseMessage> answering) : IDisposable
    {
        private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

        private Stream? _client;

        public async Task TellAsync(string text)
        {
            for (var bytes = Encoding.UTF8.GetBytes(text).AsMemory(); !bytes.IsEmpty;)
            {
                bytes = bytes[await provider.SendAsync(bytes)..];
            }
        }

        /// <summary>The next bytes that the client gets are these and no others.</summary>
        public async Task ShouldSayAsync(string text)
        {
            var client = await ClientAsync();
            var got = new byte[Encoding.UTF8.GetByteCount(text)];
            await client.ReadExactlyAsync(got).AsTask().WaitAsync(Patience);
            Encoding.UTF8.GetString(got).ShouldBe(text);
        }

        public async Task<string> RestAsync()
        {
            using var reader = new StreamReader(await ClientAsync());
            return await reader.ReadToEndAsync().WaitAsync(Patience);
        }

        public void Dispose()
        {
            provider.Dispose();
            _client?.Dispose();
        }

        private async Task<Stream> ClientAsync() => _client ??= await (await answering.WaitAsync(Patience)).Content.ReadAsStreamAsync();
    }
}
