using System.Net.Http.Json;

namespace Crew.Host.Tests;

public sealed class TracesTests
{
    private const string Foreign = "4bf92f3577b34da6a3ce929d0e0e4736";

    [Fact]
    public async Task A_call_is_traced_by_ids_and_counts_and_continues_its_callers_trace()
    {
        await using var collector = await OtlpCollector.StartAsync();
        await using var mock = await MockProvider.StartAsync();
        await using var server = await CrewServer.StartNewAsync(new CrewServerOptions { Providers = [mock], Environment = new Dictionary<string, string?>(collector.Environment) });
        var provider = await server.CreateProviderAsync(mock);
        await server.CreateModelAsync(new NewModel { Id = "traced-model", ProviderId = provider });
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions?secret-of-the-query=1")
        {
            Content = JsonContent.Create(new { model = "traced-model", messages = new[] { new { role = "user", content = "secret-of-the-prompt" } } }),
        };
        request.Headers.Add("traceparent", $"00-{Foreign}-00f067aa0ba902b7-01");
        request.Headers.Add("tracestate", "vendor=secret-of-the-state");
        request.Headers.UserAgent.ParseAdd("secret-of-the-agent/1");
        using var answer = await server.Master.SendAsync(request);
        answer.EnsureSuccessStatusCode();
        var requestId = answer.Headers.GetValues("X-Request-Id").Single();

        (await server.StopAsync()).ShouldBe(0);
        collector.Received.ShouldAllBe(r => r.Path == "/v1/traces");
        foreach (var told in new[] { "POST /v1/chat/completions", "provider attempt", requestId, "traced-model", provider, "gen_ai.usage.output_tokens" })
        {
            collector.Text.ShouldContain(told);
        }

        collector.Text.ShouldNotContain("secret-of");
        collector.Received.Any(r => r.Body.AsSpan().IndexOf(Convert.FromHexString(Foreign)) >= 0).ShouldBeTrue();
    }

    [Fact]
    public async Task A_collector_that_is_away_neither_stalls_calls_nor_the_stop()
    {
        await using var server = await CrewServer.StartNewAsync(new CrewServerOptions
        {
            Environment = new Dictionary<string, string?> { ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:9" },
        });
        for (var number = 0; number < 20; number++)
        {
            await server.GetAsync("/v1/me");
        }

        (await server.StopAsync()).ShouldBe(0);
    }

    [Theory]
    [InlineData("127.0.0.1:4317")]
    [InlineData("ftp://collector.example.com")]
    [InlineData("https://user:password@collector.example.com")]
    public async Task An_address_that_is_none_is_refused_by_name(string address)
    {
        using var shell = new Shell();
        shell.Environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = address;
        var refused = await shell.RunAsync("serve", "--data", "data");
        refused.ExitCode.ShouldNotBe(0);
        (refused.Output + refused.Error).ShouldContain("OTEL_EXPORTER_OTLP_ENDPOINT is the address of a collector");
    }
}
