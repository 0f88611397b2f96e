using System.Diagnostics;
using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Crew.Testing;
using Microsoft.AspNetCore.Http;
using Shouldly;
using Xunit;
using static Crew.Gateway.Tests.EndToEnd.GatewayServer;

namespace Crew.Gateway.Tests.EndToEnd;

/// <summary>The built product, told to log all that it can, before a provider that sends what it likes.</summary>
public sealed class HostileWorld : IAsyncLifetime
{
    internal StubProvider Stub { get; private set; } = null!;

    internal MockProvider Mock { get; private set; } = null!;

    internal CrewServer Server { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Stub = await StubProvider.StartAsync();
        Mock = await MockProvider.StartAsync();
        string[] trace =
        [
            "Default", "Microsoft", "Microsoft.AspNetCore", "Microsoft.AspNetCore.Server.Kestrel", "Microsoft.AspNetCore.Hosting.Diagnostics", "System", "System.Net.Http", "Npgsql", "Crew",
        ];
        Server = await CrewServer.StartNewAsync(new CrewServerOptions
        {
            Providers = [Mock],
            Egress = [$"provider@127.0.0.1:{Stub.Port}"],
            Environment = trace.SelectMany(category => new[] { $"Logging__LogLevel__{category}", $"Logging__Console__LogLevel__{category}", $"Logging__SimpleConsole__LogLevel__{category}" })
                .ToDictionary(name => name, string? (_) => "Trace"),
        });
        var provider = await Server.CreateProviderAtAsync(new Uri($"http://127.0.0.1:{Stub.Port}/v1"), Credential);
        await Server.CreateModelAsync(new NewModel { Id = "stub", ProviderId = provider, MaxOutputTokens = 64 });
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        await Mock.DisposeAsync();
        await Stub.DisposeAsync();
    }
}

/// <summary>Networks, clients, providers and operators that do what none should.</summary>
public sealed class HostileWorldTests : IClassFixture<HostileWorld>
{
    private const string Canary = "CANARY-prompt-0d6f1b";
    private const int BigBytes = 100 << 20;

    private readonly StubProvider _stub;
    private readonly MockProvider _mock;
    private readonly CrewServer _server;

    public HostileWorldTests(HostileWorld world)
    {
        (_stub, _mock, _server) = (world.Stub, world.Mock, world.Server);
        _stub.Seen.Clear();
        _mock.Reset();
    }

    private long ServerMemoryBytes => Process.GetProcessById(_server.ProcessId).WorkingSet64;

    private async Task<(HttpClient Client, string Budget)> KeyAsync(string usd = "50")
    {
        var key = await _server.CreateKeyAsync(new NewKey());
        return (_server.Client(key.Key), await _server.CreateBudgetAsync($"key:{key.Id}", usd));
    }

    private async Task<JsonElement> AttemptAsync(HttpResponseMessage answer)
    {
        for (var tries = 0; ; tries++)
        {
            try
            {
                return (await _server.GetAsync($"/v1/gateway/requests/{RequestIdOf(answer)}")).GetProperty("attempts")[0];
            }
            catch (CrewApiException missing) when (missing.Status == 404 && tries < 400)
            {
                await Task.Delay(25);
            }
        }
    }

    private async Task<TcpClient> ConnectAsync(string sent)
    {
        var tcp = new TcpClient { ReceiveBufferSize = 4_096 };
        await tcp.ConnectAsync(_server.Address.Host, _server.Address.Port);
        await tcp.GetStream().WriteAsync(Encoding.Latin1.GetBytes(sent));
        return tcp;
    }

    [Fact]
    [Trait("Trap", "15")]
    [Trait("Trap", "16")]
    public async Task Logging_of_everything_that_can_be_logged_holds_no_content_and_no_key()
    {
        var key = (await _server.CreateKeyAsync(new NewKey())).Key;
        var client = _server.Client(key);
        _stub.Answer = http => Results.Text(RawProvider.Good, "application/json").ExecuteAsync(http);
        foreach (var body in new[] { Body(model: "stub", text: Canary), Body(model: Canary), Body(""","stream":true""", "stub", Canary), $"{{\"{Canary}\":" })
        {
            using var answer = await SendAsync(client, body);
            await answer.Content.ReadAsStringAsync();
        }

        // What a web server quotes of requests that it cannot read.
        foreach (var raw in new[]
        {
            $"GET /v1/me?key={key} HTTP/1.1\r\nHost: a\r\n\r\n", $"GET /v1/me HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\u0001\r\n\r\n",
            $"GET /v1/me HTTP/1.1\r\nHost: a\r\nAuthorization Bearer {key}\r\n\r\n", $"{key} / HTTP/1.1\r\n\r\n", $"GET /v1/{Canary}\0 HTTP/1.1\r\nHost: a\r\n\r\n",
            $"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\nContent-Length: 9\r\nContent-Length: 10\r\n\r\n{Canary}",
            $"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{Canary}\r\n",
        })
        {
            using var tcp = await ConnectAsync(raw);
            await Should.NotThrowAsync(async () => await ReadToEndAsync(tcp));
        }

        await Task.Delay(300);
        var scan = ByteScan.For(Canary, key, key[^20..], Credential);
        scan.Folder(_server.Root).ShouldBeEmpty();
        _server.Output().Length.ShouldBeGreaterThan(0, "it does log");
    }

    [Fact]
    public async Task A_provider_and_its_model_that_go_in_the_middle_of_a_stream_leave_the_stream_and_its_bill_alone()
    {
        var (client, budget) = await KeyAsync();
        var provider = (await _server.PostAsync("/v1/gateway/providers", new Dictionary<string, object?>
        {
            ["name"] = "passing", ["kind"] = "openai", ["base_url"] = _mock.BaseUrl.ToString(), ["api_key"] = Credential, ["owner"] = "organization",
        })).GetProperty("id").GetString()!;
        await _server.CreateModelAsync(new NewModel { Id = "passing", ProviderId = provider, UpstreamModel = "mock-mini" });
        var gate = new MockGate();
        _mock.Default = new MockBehavior { Chunks = 8, Gate = gate, GateAfterChunks = 3 };
        using var stream = await SendAsync(client, Body(""","stream":true,"max_tokens":64""", "passing"), HttpCompletionOption.ResponseHeadersRead);
        await gate.ReachedAsync(1, TimeSpan.FromSeconds(20));

        // Another credential, another place, then neither model nor provider.
        await PatchAsync($"/v1/gateway/providers/{provider}", """{"api_key":"sk-another-credential-0123456789","shared_with":[]}""");
        using var withdrawn = await SendAsync(client, Body(model: "passing"));
        withdrawn.StatusCode.ShouldBe(HttpStatusCode.NotFound, "it is shared with nobody any more");
        await PatchAsync("/v1/gateway/models/passing", """{"price_per_million_usd":{"input":"900","output":"900"}}""");
        foreach (var path in new[] { "/v1/gateway/models/passing", $"/v1/gateway/providers/{provider}" })
        {
            using var gone = await _server.Master.DeleteAsync(new Uri(path, UriKind.Relative));
            gone.StatusCode.ShouldBe(HttpStatusCode.OK, await gone.Content.ReadAsStringAsync());
        }

        gate.Open();
        (await stream.Content.ReadAsStringAsync()).ShouldEndWith("data: [DONE]\n\n");
        var attempt = await AttemptAsync(stream);
        attempt.GetProperty("outcome").GetString().ShouldBe("success");
        attempt.GetProperty("cost_usd").GetString().ShouldBe(Usd(_mock.Books.TotalNanoUsd), "at the price at which it was let in");
        (await _server.ExplainBudgetAsync(budget)).GetProperty("held_usd").GetString().ShouldBe(Usd(0));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task One_event_of_a_hundred_megabytes_and_a_line_without_an_end_pass_in_little_memory(bool isLine)
    {
        var (client, _) = await KeyAsync();
        _stub.Answer = async http =>
        {
            http.Response.ContentType = "text/event-stream";
            await http.Response.WriteAsync(RawProvider.Chunk(null) + (isLine ? "data: " : """data: {"choices":[{"index":0,"delta":{"content":" """));
            var block = Encoding.UTF8.GetBytes(new string('x', 1 << 16));
            for (var sent = 0; sent < BigBytes; sent += block.Length)
            {
                await http.Response.Body.WriteAsync(block);
            }

            await http.Response.WriteAsync(isLine ? "" : "\"}}]}\n\n" + RawProvider.Chunk("stop") + "data: [DONE]\n\n");
        };
        using var warm = await SendAsync(client, Body(model: "crew-sandbox-echo"));
        var before = ServerMemoryBytes;
        using var answer = await SendAsync(client, Body(""","stream":true,"max_tokens":64""", "stub"), HttpCompletionOption.ResponseHeadersRead);
        await using var stream = await answer.Content.ReadAsStreamAsync();
        var buffer = new byte[1 << 16];
        var (total, most) = (0L, 0L);
        while (await stream.ReadAsync(buffer) is var read and > 0)
        {
            total += read;
            most = total % (8 << 20) < read ? Math.Max(most, ServerMemoryBytes) : most;
        }

        total.ShouldBeGreaterThan(BigBytes);
        (most - before).ShouldBeLessThan(64 << 20);
        var attempt = await AttemptAsync(answer);
        attempt.GetProperty("outcome").GetString().ShouldBe(isLine ? "upstream_error" : "success");
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("br")]
    [InlineData("deflate")]
    [Trait("Trap", "23")]
    public async Task A_compressed_bomb_is_not_unpacked_and_is_no_answer(string encoding)
    {
        using var packed = new MemoryStream();
        await using (Stream packer = encoding == "br" ? new BrotliStream(packed, CompressionLevel.Fastest, true)
            : encoding == "gzip" ? new GZipStream(packed, CompressionLevel.Fastest, true) : new ZLibStream(packed, CompressionLevel.Fastest, true))
        {
            var zeros = new byte[1 << 20];
            for (var megabytes = 0; megabytes < 200; megabytes++)
            {
                await packer.WriteAsync(zeros);
            }
        }

        var (client, _) = await KeyAsync();
        var before = ServerMemoryBytes;
        foreach (var (path, type, body) in new[]
        {
            ("/v1/chat/completions", "application/json", Body(""","max_tokens":64""", "stub")), ("/v1/chat/completions", "text/event-stream", Body(""","stream":true,"max_tokens":64""", "stub")),
            ("/v1/completions", "application/json", """{"model":"stub","prompt":"a","max_tokens":4}"""),
        })
        {
            _stub.Answer = async http =>
            {
                http.Response.ContentType = type;
                http.Response.Headers.ContentEncoding = encoding;
                await http.Response.Body.WriteAsync(packed.ToArray());
            };
            using var answer = await SendToAsync(path, client, body);
            answer.StatusCode.ShouldBe(HttpStatusCode.BadGateway);
            (await ErrorOf(answer)).GetProperty("code").GetString().ShouldBe("provider_unavailable");
        }

        (ServerMemoryBytes - before).ShouldBeLessThan(100 << 20);
        _stub.Seen.Count.ShouldBe(3);
    }

    [Theory]
    [InlineData("text/html", RawProvider.Good)]
    [InlineData("text/plain", RawProvider.Good)]
    [InlineData("application/octet-stream", RawProvider.Good)]
    [InlineData("application/x-ndjson", RawProvider.Good)]
    [InlineData("multipart/mixed; boundary=a", "--a\r\n\r\nx\r\n--a--")]
    [InlineData("application/json", "")]
    [InlineData("application/json", "null")]
    [InlineData("application/json", "\u00ef\u00bb\u00bf{}")]
    [InlineData("application/json; charset=utf-16", "\0{\0}")]
    public async Task An_answer_of_another_kind_is_no_answer_and_never_free_under_a_strict_budget(string type, string said)
    {
        var body = Body(""","max_tokens":64""", "stub");
        var (client, budget) = await KeyAsync();
        _stub.Answer = async http =>
        {
            http.Response.ContentType = type;
            await http.Response.Body.WriteAsync(Encoding.Latin1.GetBytes(said));
        };
        using var answer = await SendAsync(client, body);
        answer.StatusCode.ShouldBe(HttpStatusCode.BadGateway);
        (await _server.ExplainBudgetAsync(budget)).GetProperty("settled_usd").GetString().ShouldBe(Usd(WorstCase(body, 64)));
    }

    public static TheoryData<string, bool> Lies => new(new[]
    {
        """{"prompt_tokens":-5,"completion_tokens":1}""", """{"prompt_tokens":5,"completion_tokens":1e300}""", """{"prompt_tokens":"5","completion_tokens":1}""",
        """{"prompt_tokens":5.5,"completion_tokens":1}""", """{"prompt_tokens":NaN,"completion_tokens":1}""", """{"prompt_tokens":Infinity}""", "null", "[]", "{}", "17", "\"much\"",
        """{"prompt_tokens":99999999999999999999,"completion_tokens":1}""", """{"prompt_tokens":900000000000,"completion_tokens":900000000000}""",
        """{"prompt_tokens":1,"completion_tokens":1,"completion_tokens_details":{"audio_tokens":-1}}""",
    }.SelectMany(lie => new[] { (lie, false), (lie, true) }));

    [Theory]
    [MemberData(nameof(Lies))]
    public async Task A_usage_that_cannot_be_costs_what_was_held(string usage, bool isStream)
    {
        var body = Body(""","max_tokens":64""" + (isStream ? ""","stream":true""" : ""), "stub");
        var (client, budget) = await KeyAsync();
        _stub.Answer = http => isStream
            ? Results.Text(RawProvider.Chunk("stop") + $"data: {{\"choices\":[],\"usage\":{usage}}}\n\ndata: [DONE]\n\n", "text/event-stream").ExecuteAsync(http)
            : Results.Text($$"""{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"usage":{{usage}}}""", "application/json").ExecuteAsync(http);
        using var answer = await SendAsync(client, body);
        await answer.Content.ReadAsStringAsync();
        var attempt = await AttemptAsync(answer);
        attempt.GetProperty("provenance").GetString().ShouldBeOneOf("estimated", "lost");
        (await _server.ExplainBudgetAsync(budget)).GetProperty("settled_usd").GetString().ShouldBe(Usd(WorstCase(body, 64)));
    }

    [Theory]
    [InlineData("a\r\nX-Evil: 1")]
    [InlineData("a\u0000b")]
    [InlineData("a\u0085b")]
    public async Task No_header_and_no_form_field_comes_in_by_the_name_of_a_model(string name)
    {
        var refused = await Should.ThrowAsync<CrewApiException>(() => _server.CreateModelAsync(new NewModel { Id = name, ProviderId = "prov_x" }));
        refused.Status.ShouldBe(400);
        var provider = await _server.CreateProviderAtAsync(new Uri($"http://127.0.0.1:{_stub.Port}/v1"), Credential);
        refused = await Should.ThrowAsync<CrewApiException>(() => _server.CreateModelAsync(new NewModel { Id = "fine", ProviderId = provider, UpstreamModel = name }));
        refused.Status.ShouldBe(400);
        var (client, _) = await KeyAsync();
        using var called = await SendAsync(client, JsonSerializer.Serialize(new { model = name, messages = Array.Empty<object>() }));
        called.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        called.Headers.Contains("X-Evil").ShouldBeFalse();
        (await ErrorOf(called)).GetProperty("message").GetString()!.ShouldNotContain("Evil");
        _stub.Seen.ShouldBeEmpty();
    }

    [Fact]
    public async Task Who_sends_letter_by_letter_is_put_out_and_who_does_not_read_costs_no_memory_while_others_are_served()
    {
        var (client, _) = await KeyAsync();
        var key = client.DefaultRequestHeaders.Authorization!.ToString();
        var endless = true;
        _stub.Answer = async http =>
        {
            http.Response.ContentType = "text/event-stream";
            var chunks = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(RawProvider.Chunk(null), 500)));
            while (endless && !http.RequestAborted.IsCancellationRequested)
            {
                await http.Response.Body.WriteAsync(chunks);
                await Task.Delay(5);
            }
        };
        var started = Stopwatch.GetTimestamp();
        using var slowHead = await ConnectAsync("POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nX-Slow: ");
        using var slowBody = await ConnectAsync(
            $"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nAuthorization: {key}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{");
        var asked = Body(""","stream":true,"max_tokens":64""", "stub");
        using var deaf = await ConnectAsync(
            $"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nAuthorization: {key}\r\nContent-Type: application/json\r\nContent-Length: {asked.Length}\r\n\r\n{asked}");
        var dribble = Task.WhenAll(DribbleAsync(slowHead), DribbleAsync(slowBody));
        var before = ServerMemoryBytes;
        var most = 0L;
        while (!dribble.IsCompleted && Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(40))
        {
            using var served = await SendAsync(client, Body(model: "crew-sandbox-echo"));
            served.StatusCode.ShouldBe(HttpStatusCode.OK);
            most = Math.Max(most, ServerMemoryBytes);
            await Task.Delay(250);
        }

        dribble.IsCompleted.ShouldBeTrue("both connections were closed");
        (most - before).ShouldBeLessThan(64 << 20, "what is not read is not taken from the provider");
        deaf.Dispose();
        endless = false;
        var row = default(JsonElement);
        for (var tries = 0; tries < 200 && row.ValueKind == JsonValueKind.Undefined; tries++)
        {
            row = (await _server.GetAsync("/v1/gateway/requests?model=stub&outcome=client_closed")).EnumerateArray().FirstOrDefault();
            await Task.Delay(row.ValueKind == JsonValueKind.Undefined ? 100 : 0);
        }

        row.ValueKind.ShouldBe(JsonValueKind.Object, "the deaf client's answer was settled");
    }

    private static async Task DribbleAsync(TcpClient tcp)
    {
        try
        {
            while (true)
            {
                await tcp.GetStream().WriteAsync("a"u8.ToArray());
                await Task.Delay(500);
                if (tcp.Client.Poll(0, SelectMode.SelectRead) && tcp.Available >= 0)
                {
                    return;
                }
            }
        }
        catch (IOException)
        {
            // Put out.
        }
    }

    private static async Task ReadToEndAsync(TcpClient tcp)
    {
        var buffer = new byte[4_096];
        using var most = new CancellationTokenSource(TimeSpan.FromSeconds(5));
        try
        {
            tcp.Client.Shutdown(SocketShutdown.Send);
            while (await tcp.GetStream().ReadAsync(buffer, most.Token) > 0)
            {
            }
        }
        catch (Exception ended) when (ended is IOException or SocketException or InvalidOperationException or OperationCanceledException)
        {
            // Closed hard.
        }
    }

    private async Task PatchAsync(string path, string body)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var answer = await _server.Master.PatchAsync(new Uri(path, UriKind.Relative), content);
        answer.StatusCode.ShouldBe(HttpStatusCode.OK, await answer.Content.ReadAsStringAsync());
    }
}
