using System.Net;
using Crew.Testing;
using Shouldly;
using Xunit;
using static Crew.Gateway.Tests.EndToEnd.GatewayServer;

namespace Crew.Gateway.Tests.EndToEnd;

public sealed class PostgresTests
{
    [Fact]
    public async Task The_same_way_leads_through_PostgreSQL()
    {
        var database = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();
        await using var mock = await MockProvider.StartAsync();
        await using var server = await CrewServer.StartNewAsync(new CrewServerOptions { Providers = [mock], Database = database });
        var provider = await server.CreateProviderAsync(mock);
        await server.CreateModelAsync(new NewModel { Id = Model, ProviderId = provider, UpstreamModel = "mock-mini" });
        var key = await server.CreateKeyAsync(new NewKey());
        var budget = await server.CreateBudgetAsync($"key:{key.Id}", "1");
        using var plain = await SendAsync(server.Client(key.Key), Body());
        plain.StatusCode.ShouldBe(HttpStatusCode.OK, await plain.Content.ReadAsStringAsync());
        using var stream = await SendAsync(server.Client(key.Key), Body(""","stream":true"""));
        (await stream.Content.ReadAsStringAsync()).ShouldEndWith("data: [DONE]\n\n");
        (await server.ExplainBudgetAsync(budget)).GetProperty("settled_usd").GetString().ShouldBe(Usd(mock.Books.TotalNanoUsd));
        var attempts = (await server.GetAsync($"/v1/gateway/requests/{RequestIdOf(stream)}")).GetProperty("attempts");
        attempts[0].GetProperty("cost_usd").GetString().ShouldBe(Usd(mock.Books.Bills[1].NanoUsd));
    }
}
