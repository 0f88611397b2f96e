using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Crew.Kernel;
using Crew.Sealing.Egress;

namespace Crew.Sealing.Tests.Egress;

public sealed class GuardedClientTests
{
    private static readonly EgressLimits _limits = new()
    {
        MaxResponseBodyBytes = 100,
        TotalTimeoutSeconds = 20,
        MaxResponseHeadersKilobytes = 4,
    };


    [Fact]
    public async Task A_server_on_this_machine_is_refused_without_an_entry_and_reached_with_one()
    {
        await using var server = new LoopbackServer(LoopbackServer.Ok("hello"));
        var url = $"http://127.0.0.1:{server.Port}/x";
        (await Send("", url)).Fault!.Code.ShouldBe("egress_refused");
        (await Send($"webhook@127.0.0.1:{server.Port}", url)).Fault!.Code.ShouldBe("egress_refused", "the entry is another purpose's");
        server.Requests.ShouldBeEmpty();

        var response = (await Send($"provider@127.0.0.1:{server.Port}", url)).Value;
        response.Status.ShouldBe(200);
        Encoding.ASCII.GetString(response.Body.Span).ShouldBe("hello");
        server.Requests.ShouldHaveSingleItem().ShouldNotContain("traceparent");
    }

    [Fact]
    public async Task A_name_that_resolves_to_this_machine_needs_an_entry_too()
    {
        await using var server = new LoopbackServer(LoopbackServer.Ok("hello"));
        var resolver = new ScriptedResolver([IPAddress.Loopback]);
        var https = $"https://inside.example:{server.Port}/";
        (await Send("", https, resolver)).Fault!.Message.ShouldContain("inside.example");
        resolver.Calls.ShouldBe(1);
        (await Send($"inside.example:{server.Port}", $"http://inside.example:{server.Port}/", resolver)).Value.Status.ShouldBe(200);
        resolver.Calls.ShouldBe(2);
    }

    [Fact]
    public async Task A_redirect_is_handed_back_and_not_followed()
    {
        await using var inner = new LoopbackServer(LoopbackServer.Ok("secret"));
        await using var server = new LoopbackServer(
            $"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{inner.Port}/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        var response = (await Send("127.0.0.1", $"http://127.0.0.1:{server.Port}/")).Value;
        response.Status.ShouldBe(302);
        inner.Requests.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_name_that_changes_its_answer_is_checked_at_every_connection_and_dialled_where_it_was_checked()
    {
        var certificate = LoopbackServer.CertificateFor("rebind.example");
        await using var server = new LoopbackServer(LoopbackServer.Ok("hello"), certificate);
        var resolver = new ScriptedResolver([IPAddress.Parse("8.8.8.8")], [IPAddress.Loopback], [IPAddress.Parse("169.254.169.254")]);
        var dialled = new List<IPEndPoint>();
        var factory = new GuardedHandlerFactory(EgressPolicy.Closed, resolver, Trusting(X509CertificateLoader.LoadCertificate(certificate.RawData)))
        {
            Dial = (place, cancel) => DialInstead(server.Port, dialled, place, cancel),
        };
        using var client = new GuardedClient(factory, EgressPurpose.Webhook, _limits, TimeProvider.System);
        using var first = new HttpRequestMessage(HttpMethod.Post, "https://rebind.example/hook");
        (await client.Send(first, CancellationToken.None)).Value.Status.ShouldBe(200);
        dialled.ShouldHaveSingleItem().ShouldBe(new IPEndPoint(IPAddress.Parse("8.8.8.8"), 443));
        for (var again = 0; again < 2; again++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "https://rebind.example/hook");
            (await client.Send(request, CancellationToken.None)).Fault!.Code.ShouldBe("egress_refused");
        }

        dialled.Count.ShouldBe(1);
        resolver.Calls.ShouldBe(3, "each connection resolves exactly once");
    }

    [Fact]
    public async Task Of_a_mixed_answer_only_the_allowed_addresses_are_dialled_and_a_dead_one_is_passed_over()
    {
        var certificate = LoopbackServer.CertificateFor("mixed.example");
        await using var server = new LoopbackServer(LoopbackServer.Ok("hello"), certificate);
        var resolver = new ScriptedResolver(
            [IPAddress.Loopback, IPAddress.Parse("::ffff:10.0.0.1"), IPAddress.Parse("9.9.9.9"), IPAddress.Parse("8.8.8.8")]);
        var dialled = new List<IPEndPoint>();
        var factory = new GuardedHandlerFactory(EgressPolicy.Closed, resolver, Trusting(X509CertificateLoader.LoadCertificate(certificate.RawData)))
        {
            Dial = (place, cancel) => place.Address.ToString() == "9.9.9.9"
                ? throw new SocketException((int)SocketError.ConnectionRefused)
                : DialInstead(server.Port, dialled, place, cancel),
        };
        using var invoker = factory.Create(EgressPurpose.Provider, _limits);
        using var request = new HttpRequestMessage(HttpMethod.Get, "https://mixed.example/")
        {
            Version = HttpVersion.Version30,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        using var response = await invoker.SendAsync(request, CancellationToken.None);
        response.StatusCode.ShouldBe(HttpStatusCode.OK, "HTTP/3 dials by itself, so it is turned down to what passes the check");
        dialled.ShouldHaveSingleItem().Address.ShouldBe(IPAddress.Parse("8.8.8.8"));
    }

    [Fact]
    public async Task A_certificate_that_nobody_vouches_for_is_a_failure_not_an_answer()
    {
        await using var server = new LoopbackServer(LoopbackServer.Ok("hello"), LoopbackServer.CertificateFor("other.example"));
        (await Send($"inside.example:{server.Port}", $"https://inside.example:{server.Port}/", new ScriptedResolver([IPAddress.Loopback])))
            .Fault!.Code.ShouldBe("egress_failed");
        server.Requests.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_trusted_certificate_that_is_not_for_servers_is_a_failure()
    {
        const string forMail = "1.3.6.1.5.5.7.3.4";
        var certificate = LoopbackServer.CertificateFor("mail.example", forMail);
        await using var server = new LoopbackServer(LoopbackServer.Ok("hello"), certificate);
        var factory = new GuardedHandlerFactory(EgressPolicy.Parse("mail.example").Value, new ScriptedResolver([IPAddress.Loopback]),
            Trusting(X509CertificateLoader.LoadCertificate(certificate.RawData)));
        using var client = new GuardedClient(factory, EgressPurpose.Provider, _limits, TimeProvider.System);
        using var request = new HttpRequestMessage(HttpMethod.Get, $"https://mail.example:{server.Port}/");
        (await client.Send(request, CancellationToken.None)).Fault!.Code.ShouldBe("egress_failed");
    }

    [Fact]
    public async Task Body_and_headers_have_a_limit()
    {
        await using var fits = new LoopbackServer(LoopbackServer.Ok(new string('x', 100)));
        var whole = (await Send("127.0.0.1", $"http://127.0.0.1:{fits.Port}/")).Value;
        (whole.Body.Length, whole.IsBodyCut).ShouldBe((100, false));
        await using var longer = new LoopbackServer(LoopbackServer.Ok(new string('x', 101)));
        var cut = (await Send("127.0.0.1", $"http://127.0.0.1:{longer.Port}/")).Value;
        (cut.Body.Length, cut.IsBodyCut).ShouldBe((100, true));
        await using var wide = new LoopbackServer(LoopbackServer.Ok("x", $"X-Wide: {new string('x', 8000)}\r\n"));
        (await Send("127.0.0.1", $"http://127.0.0.1:{wide.Port}/")).Fault!.Code.ShouldBe("egress_failed");
    }

    [Fact]
    public async Task A_server_that_never_answers_is_given_up()
    {
        await using var server = new LoopbackServer("");
        var outcome = await Send("127.0.0.1", $"http://127.0.0.1:{server.Port}/", limits: _limits with { TotalTimeoutSeconds = 1 });
        outcome.Fault!.Code.ShouldBe("egress_timeout");
    }

    [Fact]
    public async Task A_caller_that_gives_up_is_no_timeout_of_the_other_side()
    {
        await using var server = new LoopbackServer("");
        using var cancel = new CancellationTokenSource(100);
        var url = $"http://127.0.0.1:{server.Port}/";
        await Should.ThrowAsync<OperationCanceledException>(() => Send("127.0.0.1", url, cancel: cancel.Token));
    }

    [Fact]
    public async Task A_name_that_does_not_resolve_and_a_closed_port_are_failures()
    {
        (await Send("", "https://nowhere.example/", new ScriptedResolver([]))).Fault!.Code.ShouldBe("egress_failed");
        int port;
        await using (var server = new LoopbackServer(""))
        {
            port = server.Port;
        }

        (await Send("127.0.0.1", $"http://127.0.0.1:{port}/")).Fault!.Code.ShouldBe("egress_failed");
    }

    [Fact]
    public async Task A_foreign_host_header_is_refused()
    {
        await using var server = new LoopbackServer(LoopbackServer.Ok("hello"));
        var factory = new GuardedHandlerFactory(EgressPolicy.Parse("127.0.0.1").Value, new SystemHostResolver());
        using var invoker = factory.Create(EgressPurpose.Provider, _limits);
        using var request = new HttpRequestMessage(HttpMethod.Get, $"http://127.0.0.1:{server.Port}/");
        request.Headers.Host = "internal.admin";
        var refused = await Should.ThrowAsync<EgressRefusedException>(() => invoker.SendAsync(request, CancellationToken.None));
        refused.Refusal.Reason.ShouldBe(EgressRefusalReason.ForeignHostHeader);
        server.Requests.ShouldBeEmpty();
    }

    [Fact]
    public async Task Cookies_and_compression_are_left_alone()
    {
        await using var server = new LoopbackServer(LoopbackServer.Ok("hello", "Set-Cookie: a=b\r\n"));
        var factory = new GuardedHandlerFactory(EgressPolicy.Parse("127.0.0.1").Value, new SystemHostResolver());
        using var client = new GuardedClient(factory, EgressPurpose.Provider, _limits, TimeProvider.System);
        for (var call = 0; call < 2; call++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"http://127.0.0.1:{server.Port}/");
            (await client.Send(request, CancellationToken.None)).Value.Status.ShouldBe(200);
        }

        server.Requests.Count.ShouldBe(2);
        string.Concat(server.Requests).ShouldNotContain("Cookie");
        string.Concat(server.Requests).ShouldNotContain("Accept-Encoding");
    }

    [Fact]
    public void Limits_out_of_range_are_a_bug()
    {
        var factory = new GuardedHandlerFactory(EgressPolicy.Closed, new SystemHostResolver());
        var limits = new EgressLimits { ConnectTimeoutSeconds = 0 };
        Should.Throw<ArgumentOutOfRangeException>(() => factory.Create(EgressPurpose.Code, limits));
    }

    private static async Task<Outcome<EgressResponse>> Send(
        string list, string url, IHostResolver? resolver = null, EgressLimits? limits = null, CancellationToken cancel = default)
    {
        var factory = new GuardedHandlerFactory(EgressPolicy.Parse(list).Value, resolver ?? new SystemHostResolver());
        using var client = new GuardedClient(factory, EgressPurpose.Provider, limits ?? _limits, TimeProvider.System);
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        return await client.Send(request, cancel);
    }

    private static EgressNetwork Trusting(params X509Certificate2[] roots) => new() { PrivateRoots = [.. roots] };

    private static async ValueTask<Stream> DialInstead(int port, List<IPEndPoint> dialled, IPEndPoint place, CancellationToken cancel)
    {
        dialled.Add(place);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), cancel);
        return new NetworkStream(socket, ownsSocket: true);
    }

    /// <summary>Gives one answer after the other; the last one stays.</summary>
    private sealed class ScriptedResolver(params IPAddress[][] answers) : IHostResolver
    {
        public int Calls { get; private set; }

        public Task<IPAddress[]> Resolve(string host, CancellationToken cancel) =>
            Task.FromResult(answers[Math.Min(Calls++, answers.Length - 1)]);
    }
}
