using System.Net;
using System.Text;
using System.Text.Json;
using Crew.Testing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Shouldly;
using Xunit;
using static Crew.Gateway.Tests.EndToEnd.GatewayServer;

namespace Crew.Gateway.Tests.EndToEnd;

/// <summary>The built product in a network like a company's: an outbound proxy, an authority of its own, servers that want to know who calls.</summary>
public sealed class NetworkTests : IAsyncLifetime
{
    private const string ForClients = "1.3.6.1.5.5.7.3.2";

    private readonly PrivateAuthority _authority = new();
    private readonly List<IAsyncDisposable> _peers = [];
    private readonly string _bundle = Path.GetTempFileName();
    private TlsProvider _both = null!;
    private TlsProvider _demanding = null!;
    private TlsProvider _six = null!;
    private ConnectProxy _proxy = null!;
    private CrewServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        await File.WriteAllTextAsync(_bundle, _authority.Pem);
        _both = await KeepAsync(TlsProvider.StartAsync(_authority, HttpProtocols.Http1AndHttp2));
        _demanding = await KeepAsync(TlsProvider.StartAsync(_authority, HttpProtocols.Http1, demandsCertificate: true));
        _six = await KeepAsync(TlsProvider.StartAsync(_authority, HttpProtocols.Http1AndHttp2, address: IPAddress.IPv6Loopback));
        _proxy = await KeepAsync(Task.FromResult(new ConnectProxy(_both.Port)));
        _server = await KeepAsync(CrewServer.StartNewAsync(new CrewServerOptions
        {
            Egress = [$"provider@127.0.0.1:{_both.Port}", $"127.0.0.1:{_demanding.Port}", $"provider@[::1]:{_six.Port}"],
            Environment = new Dictionary<string, string?>
            {
                ["HTTPS_PROXY"] = $"127.0.0.1:{_proxy.Port}", ["CREW_EGRESS_CA"] = _bundle, ["no_proxy"] = "9.9.9.9",
            },
        }));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var peer in Enumerable.Reverse(_peers))
        {
            await peer.DisposeAsync();
        }

        _authority.Dispose();
        File.Delete(_bundle);
    }

    [Fact]
    public async Task Providers_are_reached_as_the_network_wants_it()
    {
        var client = _server.Client((await _server.CreateKeyAsync(new NewKey())).Key);

        await ModelAtAsync("two", $"https://127.0.0.1:{_both.Port}/v1");
        (await CallAsync(client, "two")).ShouldBe(HttpStatusCode.OK, "a private authority signed its certificate");
        _both.Seen.ShouldContain("HTTP/2 ");
        _proxy.Asked.ShouldBeEmpty("a listed host is in the operator's own network");

        await ModelAtAsync("six", $"https://[::1]:{_six.Port}/v1");
        (await CallAsync(client, "six")).ShouldBe(HttpStatusCode.OK);
        _six.Seen.ShouldHaveSingleItem();

        await ModelAtAsync("public", "https://8.8.8.8/v1");
        (await CallAsync(client, "public")).ShouldBe(HttpStatusCode.OK);
        _proxy.Asked.ShouldHaveSingleItem().ShouldStartWith("CONNECT 8.8.8.8:443 HTTP/1.1");
        _both.Seen.Count.ShouldBe(2);

        var doctor = await _server.CommandAsync("doctor", "--data", _server.DataFolder, "--json");
        doctor.Output.ShouldContain("go through 127.0.0.1, which is given checked addresses; 1 certificate authorities");
    }

    [Fact]
    public async Task A_client_certificate_is_shown_to_the_server_that_asks_and_to_nobody_else()
    {
        var client = _server.Client((await _server.CreateKeyAsync(new NewKey())).Key);
        var (certificate, key) = _authority.Sign("crew-gateway", ForClients);
        var provider = await ModelAtAsync("demanding", $"https://127.0.0.1:{_demanding.Port}/v1");
        (await CallAsync(client, "demanding")).ShouldBe(HttpStatusCode.BadGateway);
        var shown = await PatchAsync(provider, new { client_certificate = new { certificate, private_key = key } });
        shown.GetProperty("client_certificate").GetProperty("subject").GetString().ShouldBe("CN=crew-gateway");
        shown.GetRawText().ShouldNotContain("PRIVATE");
        (await CallAsync(client, "demanding")).ShouldBe(HttpStatusCode.OK);
        _demanding.Seen.ShouldHaveSingleItem().ShouldBe("HTTP/1.1 CN=crew-gateway");
        (await _server.PostAsync($"/v1/gateway/providers/{provider}/test", [])).GetProperty("result").GetString().ShouldBe("ok");

        var moved = await PatchAsync(provider, new { base_url = $"https://127.0.0.1:{_both.Port}/v1", api_key = Credential });
        moved.GetProperty("client_certificate").ValueKind.ShouldBe(JsonValueKind.Null, "what is signed for one server is not signed for another");
        foreach (var wrong in new object[]
        {
            new { certificate }, new { certificate, private_key = _authority.Sign("other", ForClients).Key }, new { certificate = "x", private_key = key },
            new { certificate, private_key = key.Replace("PRIVATE", "ENCRYPTED PRIVATE", StringComparison.Ordinal) },
        })
        {
            using var refused = await SendAsync(provider, new { client_certificate = wrong });
            refused.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
            (await refused.Content.ReadAsStringAsync()).ShouldNotContain("BEGIN PRIVATE");
        }

        var line = key.Split('\n')[1];
        ByteScan.For(line).Folder(_server.Root).ShouldBeEmpty("the private key is sealed");
    }

    [Fact]
    [Trait("Trap", "22")]
    public async Task More_streams_than_one_connection_carries_all_run_at_once()
    {
        const int streams = 130;
        var client = _server.Client((await _server.CreateKeyAsync(new NewKey())).Key);
        await ModelAtAsync("many", $"https://127.0.0.1:{_both.Port}/v1");
        var answers = await Task.WhenAll(Enumerable.Range(0, streams).Select(_ => GatewayServer.SendAsync(
            client, Body(""","stream":true""", "many"), HttpCompletionOption.ResponseHeadersRead)));
        answers.ShouldAllBe(a => a.StatusCode == HttpStatusCode.OK);
        _both.Streaming.ShouldBe(streams, "every stream has begun while none has ended: none waits for another's place");
        _both.Gate.SetResult();
        var texts = await Task.WhenAll(answers.Select(a => a.Content.ReadAsStringAsync()));
        texts.ShouldAllBe(t => t.EndsWith("data: [DONE]\n\n", StringComparison.Ordinal));
        _both.Seen.ShouldAllBe(s => s == "HTTP/2 ");
        foreach (var answer in answers)
        {
            answer.Dispose();
        }
    }

    private async Task<T> KeepAsync<T>(Task<T> starting)
        where T : IAsyncDisposable
    {
        var started = await starting;
        _peers.Add(started);
        return started;
    }

    [Fact]
    public async Task A_request_whose_key_is_revoked_while_its_connection_is_made_does_not_go_out()
    {
        await ModelAtAsync("far", "https://8.8.8.8/v1");
        var key = await _server.CreateKeyAsync(new NewKey());
        var open = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _proxy.Opening = open.Task;
        var calling = CallAsync(_server.Client(key.Key), "far");
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (_proxy.Asked.IsEmpty)
        {
            await Task.Delay(10, late.Token);
        }

        await _server.RevokeKeyAsync(key.Id);
        open.SetResult();
        (await calling).ShouldBe(HttpStatusCode.Unauthorized);
        _both.Whole.ShouldBe(0);
        var other = _server.Client((await _server.CreateKeyAsync(new NewKey())).Key);
        (await CallAsync(other, "far")).ShouldBe(HttpStatusCode.OK);
        _both.Whole.ShouldBe(1);
    }

    private async Task<string> ModelAtAsync(string model, string baseUrl)
    {
        var provider = await _server.CreateProviderAtAsync(new Uri(baseUrl), Credential);
        await _server.CreateModelAsync(new NewModel { Id = model, ProviderId = provider });
        return provider;
    }

    private static async Task<HttpStatusCode> CallAsync(HttpClient client, string model)
    {
        using var answer = await GatewayServer.SendAsync(client, Body(model: model));
        return answer.StatusCode;
    }

    private async Task<HttpResponseMessage> SendAsync(string provider, object change)
    {
        using var content = new StringContent(JsonSerializer.Serialize(change), Encoding.UTF8, "application/json");
        return await _server.Master.PatchAsync(new Uri($"/v1/gateway/providers/{provider}", UriKind.Relative), content);
    }

    private async Task<JsonElement> PatchAsync(string provider, object change)
    {
        using var answer = await SendAsync(provider, change);
        var text = await answer.Content.ReadAsStringAsync();
        answer.StatusCode.ShouldBe(HttpStatusCode.OK, text);
        using var document = JsonDocument.Parse(text);
        return document.RootElement.GetProperty("data").Clone();
    }
}
