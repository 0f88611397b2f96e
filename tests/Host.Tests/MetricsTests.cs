using System.Net;
using System.Net.Sockets;

namespace Crew.Host.Tests;

public sealed class MetricsTests
{
    private const string Token = "the-operators-token-for-metrics";

    [Fact]
    public async Task Metrics_answer_the_operators_token_and_their_own_listener_and_nobody_else()
    {
        var own = FreeAddress();
        await using var server = await CrewServer.StartNewAsync(new CrewServerOptions
        {
            Environment = new Dictionary<string, string?> { ["CREW_METRICS_TOKEN"] = Token, ["CREW_METRICS_URLS"] = own.ToString() },
        });
        await server.GetAsync("/v1/me");
        (await StatusAsync(server.Client("no-token"), "/metrics")).ShouldBe(HttpStatusCode.NotFound);
        (await StatusAsync(server.Master, "/metrics")).ShouldBe(HttpStatusCode.NotFound);
        (await server.Client(Token).GetStringAsync(new Uri("/metrics", UriKind.Relative))).ShouldContain("/v1/me");

        using var beside = new HttpClient { BaseAddress = own };
        (await beside.GetStringAsync(new Uri("/metrics", UriKind.Relative))).ShouldContain("/v1/me");
        (await beside.GetStringAsync(new Uri("/health/live", UriKind.Relative))).ShouldBe("live");
        beside.DefaultRequestHeaders.Authorization = server.Master.DefaultRequestHeaders.Authorization;
        (await StatusAsync(beside, "/v1/me")).ShouldBe(HttpStatusCode.NotFound);
        (await StatusAsync(beside, "/docs")).ShouldBe(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Without_a_token_and_a_listener_of_their_own_metrics_are_closed_and_health_is_open()
    {
        await using var server = await CrewServer.StartNewAsync();
        (await StatusAsync(server.Master, "/metrics")).ShouldBe(HttpStatusCode.NotFound);
        using var anybody = new HttpClient { BaseAddress = server.Address };
        (await StatusAsync(anybody, "/metrics")).ShouldBe(HttpStatusCode.NotFound);
        (await anybody.GetStringAsync(new Uri("/health/live", UriKind.Relative))).ShouldBe("live");
        (await anybody.GetStringAsync(new Uri("/health/ready", UriKind.Relative))).ShouldBe("ready");
    }

    private static async Task<HttpStatusCode> StatusAsync(HttpClient client, string path)
    {
        using var answer = await client.GetAsync(new Uri(path, UriKind.Relative));
        return answer.StatusCode;
    }

    private static Uri FreeAddress()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return new Uri($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}");
    }
}
