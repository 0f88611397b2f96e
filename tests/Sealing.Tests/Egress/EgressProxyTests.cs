using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Crew.Kernel;
using Crew.Sealing.Egress;
using Crew.Testing;

namespace Crew.Sealing.Tests.Egress;

public sealed class EgressProxyTests
{
    private static readonly EgressLimits _limits = new() { TotalTimeoutSeconds = 20 };
    private static readonly X509Certificate2 _certificate = LoopbackServer.CertificateFor("models.example");

    [Fact]
    public async Task The_proxy_is_asked_for_the_checked_address_whatever_the_name_answers_later()
    {
        await using var server = new LoopbackServer(LoopbackServer.Ok("hello"), _certificate);
        await using var proxy = new ConnectProxy(server.Port);
        var network = Network($"http://127.0.0.1:{proxy.Port}");
        (await SendAsync(network, "https://models.example/v1", [IPAddress.Loopback, IPAddress.Parse("2606:4700::1111")])).Value.Status.ShouldBe(200);
        proxy.Asked.ShouldHaveSingleItem().ShouldStartWith("CONNECT [2606:4700::1111]:443 HTTP/1.1\r\nHost: [2606:4700::1111]:443\r\n");
        server.Requests.ShouldHaveSingleItem().ShouldContain("Host: models.example");
        (await SendAsync(network, "https://models.example/v1", [IPAddress.Parse("10.1.2.3")])).Fault!.Code.ShouldBe("egress_refused");
        proxy.Asked.Count.ShouldBe(1, "what may not be dialled is not asked of the proxy either");
    }

    [Fact]
    public async Task A_proxy_that_takes_names_gets_them_and_every_address_known_here_must_be_allowed()
    {
        await using var server = new LoopbackServer(LoopbackServer.Ok("hello"), _certificate);
        await using var proxy = new ConnectProxy(server.Port);
        var network = Network($"http://127.0.0.1:{proxy.Port}", target: "name");
        (await SendAsync(network, "https://models.example/v1", [IPAddress.Parse("8.8.8.8")])).Value.Status.ShouldBe(200);
        (await SendAsync(network, "https://models.example/v1", [])).Value.Status.ShouldBe(200, "a name that only the proxy can resolve");
        proxy.Asked.ShouldAllBe(asked => asked.StartsWith("CONNECT models.example:443 HTTP/1.1\r\n"));
        proxy.Asked.Count.ShouldBe(2);
        (await SendAsync(network, "https://models.example/v1", [IPAddress.Parse("8.8.8.8"), IPAddress.Parse("10.1.2.3")])).Fault!.Code.ShouldBe("egress_refused");
        foreach (var inside in new[] { "metadata.google.internal", "printer", "db.corp", "printer.local." })
        {
            (await SendAsync(network, $"https://{inside}/", [])).Fault!.Code.ShouldBe("egress_refused", inside);
        }

        (await SendAsync(network, "https://169.254.169.254/", [])).Fault!.Code.ShouldBe("egress_refused");
        proxy.Asked.Count.ShouldBe(2);
    }

    [Fact]
    public async Task Credentials_go_to_the_proxy_and_its_refusal_names_its_status_only()
    {
        await using var proxy = new ConnectProxy(1, "HTTP/1.1 407 Proxy Authentication Required\r\nX-Account: secret-realm\r\nContent-Length: 4\r\n\r\nnope");
        var refused = (await SendAsync(Network($"http://ann%40corp:p%3Aw@127.0.0.1:{proxy.Port}"), "https://models.example/", [IPAddress.Parse("8.8.8.8")])).Fault!;
        refused.Code.ShouldBe("egress_proxy_refused");
        refused.Details!["proxy_status"].ShouldBe(407);
        refused.Message.ShouldNotContain("127.0.0.1");
        proxy.Asked.ShouldHaveSingleItem()
            .ShouldContain($"\r\nProxy-Authorization: Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes("ann@corp:p:w"))}\r\n");
    }

    [Theory]
    [InlineData("ICAP/1.0 200 OK\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")]
    public async Task An_answer_that_is_no_tunnel_is_a_failure(string answer)
    {
        await using var proxy = new ConnectProxy(1, answer);
        (await SendAsync(Network($"http://127.0.0.1:{proxy.Port}"), "https://models.example/", [IPAddress.Parse("8.8.8.8")]))
            .Fault!.Code.ShouldBe("egress_proxy_refused");
    }

    [Fact]
    public async Task Listed_hosts_and_exceptions_are_dialled_directly()
    {
        await using var server = new LoopbackServer(LoopbackServer.Ok("hello"), _certificate);
        await using var proxy = new ConnectProxy(server.Port);
        var network = Network($"http://127.0.0.1:{proxy.Port}");
        (await SendAsync(network, $"https://models.example:{server.Port}/", [IPAddress.Loopback], "models.example")).Value.Status.ShouldBe(200);
        proxy.Asked.ShouldBeEmpty();
        var except = Network($"http://127.0.0.1:{proxy.Port}", "other.test, .example");
        var factory = Factory(except, EgressPolicy.Closed, [IPAddress.Parse("8.8.8.8")], (_, cancel) => DialAsync(server.Port, cancel));
        using var client = new GuardedClient(factory, EgressPurpose.Provider, _limits, TimeProvider.System);
        using var request = new HttpRequestMessage(HttpMethod.Get, "https://models.example/");
        (await client.Send(request, CancellationToken.None)).Value.Status.ShouldBe(200);
        proxy.Asked.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("api.example.com", 443, false)]
    [InlineData("EXAMPLE.com", 443, false)]
    [InlineData("notexample.com", 443, true)]
    [InlineData("dotted.org", 443, true)]
    [InlineData("deep.dotted.org.", 443, false)]
    [InlineData("ported.net", 8443, false)]
    [InlineData("ported.net", 443, true)]
    [InlineData("10.9.8.7", 443, false)]
    [InlineData("11.9.8.7", 443, true)]
    [InlineData("fd00::1", 443, false)]
    [InlineData("2001:4860::1", 8443, false)]
    [InlineData("2001:4860::1", 443, true)]
    public void Exceptions_are_hosts_with_all_below_them_networks_and_ports(string host, int port, bool isCarried) =>
        EgressProxy.Parse("proxy:3128", "example.com,deep.dotted.org,ported.net:8443,10.0.0.0/8,fd00::/8,[2001:4860::1]:8443", null)
            .Value!.Carries(host, port).ShouldBe(isCarried);

    [Theory]
    [InlineData("socks5://proxy:1080", null)]
    [InlineData("http://user:sesame@", null)]
    [InlineData("http://proxy:3128/path", null)]
    [InlineData("http://proxy:3128", "names")]
    public void Settings_that_cannot_be_used_are_refused_and_not_repeated(string address, string? target)
    {
        var fault = EgressProxy.Parse(address, null, target).Fault!;
        fault.Code.ShouldBe("invalid_request");
        fault.Message.ShouldNotContain("sesame");
    }

    [Fact]
    public void No_proxy_is_none_or_nothing()
    {
        EgressProxy.Parse("", null, null).Value.ShouldBeNull();
        EgressProxy.Parse("none", "*", "name").Value.ShouldBeNull();
        EgressProxy.Parse("proxy.corp:3128", "*", null).Value!.Carries("example.com", 443).ShouldBeFalse();
        EgressProxy.Parse("user:word@proxy.corp:3128", null, null).Value!.Address.ToString().ShouldBe("http://proxy.corp:3128/");
    }

    [Fact]
    public void A_bundle_of_authorities_is_read_or_refused_by_name()
    {
        var file = Path.GetTempFileName();
        try
        {
            EgressNetwork.Read(null, null, null, file).Fault!.Message.ShouldContain("CREW_EGRESS_CA");
            File.WriteAllText(file, _certificate.ExportCertificatePem() + "\n" + LoopbackServer.CertificateFor("second.example").ExportCertificatePem());
            EgressNetwork.Read(null, null, null, file).Value.PrivateRoots.Count.ShouldBe(2);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task A_host_whose_first_family_leads_nowhere_is_reached_by_the_other()
    {
        AddressRace.TakeTurns([.. new[] { "::1", "::2", "1.1.1.1", "::3", "2.2.2.2" }.Select(IPAddress.Parse)])
            .Select(a => a.ToString()).ShouldBe(["::1", "1.1.1.1", "::2", "2.2.2.2", "::3"]);
        await using var server = new LoopbackServer(LoopbackServer.Ok("hello"), _certificate);
        var gaveUp = new TaskCompletionSource();
        var factory = Factory(new EgressNetwork { PrivateRoots = [Root()] }, EgressPolicy.Closed, [IPAddress.Parse("2606:4700::1111"), IPAddress.Parse("8.8.8.8")],
            async (place, cancel) =>
            {
                if (place.AddressFamily == AddressFamily.InterNetwork)
                {
                    return await DialAsync(server.Port, cancel);
                }

                using var noted = cancel.Register(gaveUp.SetResult);
                await Task.Delay(Timeout.Infinite, cancel);
                throw new SocketException((int)SocketError.TimedOut);
            });
        using var client = new GuardedClient(factory, EgressPurpose.Provider, _limits, TimeProvider.System);
        using var request = new HttpRequestMessage(HttpMethod.Get, "https://models.example/");
        (await client.Send(request, CancellationToken.None)).Value.Status.ShouldBe(200);
        await gaveUp.Task.WaitAsync(TimeSpan.FromSeconds(10));
    }

    private static X509Certificate2 Root() => X509CertificateLoader.LoadCertificate(_certificate.RawData);

    private static EgressNetwork Network(string proxy, string? except = null, string? target = null) =>
        new() { Proxy = EgressProxy.Parse(proxy, except, target).Value, PrivateRoots = [Root()] };

    private static GuardedHandlerFactory Factory(
        EgressNetwork network, EgressPolicy policy, IPAddress[] found, Func<IPEndPoint, CancellationToken, ValueTask<Stream>>? dial = null) =>
        dial is null ? new GuardedHandlerFactory(policy, new FixedResolver(found), network)
            : new GuardedHandlerFactory(policy, new FixedResolver(found), network) { Dial = dial };

    private static async Task<Outcome<EgressResponse>> SendAsync(EgressNetwork network, string url, IPAddress[] found, string list = "")
    {
        using var client = new GuardedClient(Factory(network, EgressPolicy.Parse(list).Value, found), EgressPurpose.Provider, _limits, TimeProvider.System);
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        return await client.Send(request, CancellationToken.None);
    }

    private static async ValueTask<Stream> DialAsync(int port, CancellationToken cancel)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), cancel);
        return new NetworkStream(socket, ownsSocket: true);
    }

    /// <summary>No address is a name that does not resolve.</summary>
    private sealed class FixedResolver(IPAddress[] found) : IHostResolver
    {
        public Task<IPAddress[]> Resolve(string host, CancellationToken cancel) =>
            found.Length > 0 ? Task.FromResult(found) : throw new SocketException((int)SocketError.HostNotFound);
    }
}
