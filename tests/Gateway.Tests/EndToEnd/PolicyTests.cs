using System.Net;
using System.Text;
using System.Text.Json;
using Crew.Testing;
using Shouldly;
using Xunit;
using static Crew.Gateway.Tests.EndToEnd.GatewayServer;

namespace Crew.Gateway.Tests.EndToEnd;

[Collection(GatewayServerGroup.Name)]
public sealed class PolicyTests : IDisposable
{
    private readonly GatewayServer _gateway;

    public PolicyTests(GatewayServer gateway)
    {
        _gateway = gateway;
        _gateway.Mock.Reset();
    }

    public void Dispose() => _gateway.Mock.Reset();

    [Fact]
    public async Task A_crew_narrows_the_models_of_its_workspace()
    {
        var crew = await CrewAsync("""{"allowed_models":["crew-sandbox-echo"]}""");
        var client = await ClientAsync(new NewKey { Permissions = ["models:invoke", "models:read"] }, crew);
        using var refused = await SendAsync(client, Body());
        (await ErrorOf(refused)).GetProperty("code").GetString().ShouldBe("model_not_found");
        using var answer = await SendAsync(client, Body(model: "crew-sandbox-echo"));
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        using var list = JsonDocument.Parse(await client.GetStringAsync(new Uri("/v1/models", UriKind.Relative)));
        list.RootElement.GetProperty("data").EnumerateArray().Select(m => m.GetProperty("id").GetString()).ShouldBe(["crew-sandbox-echo"]);
        using var elsewhere = await SendAsync(await _gateway.KeyAsync(), Body());
        elsewhere.StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Only_providers_in_regions_that_every_level_allows_are_called()
    {
        var targets = new List<object>();
        foreach (var region in new[] { "eu", "US" })
        {
            var provider = await _gateway.Server.PostAsync("/v1/gateway/providers", new Dictionary<string, object?>
            {
                ["name"] = region, ["kind"] = "openai", ["base_url"] = _gateway.Mock.BaseUrl.ToString(), ["api_key"] = Credential,
                ["data_policy"] = new { region, url = "https://example.com/dpa", retention_days = 0, trains = false, zero_retention = true },
            });
            provider.GetProperty("data_policy").GetProperty("zero_retention").GetBoolean().ShouldBeTrue();
            targets.Add(new { provider_id = provider.GetProperty("id").GetString(), upstream_model = "in-" + region });
        }

        await _gateway.Server.PostAsync("/v1/gateway/models", new Dictionary<string, object?> { ["id"] = "anywhere", ["targets"] = targets });
        var crew = await CrewAsync("""{"allowed_regions":["EU","us"]}""");
        var european = await ClientAsync(new NewKey(), crew, """{"allowed_regions":["eu"]}""");
        for (var call = 0; call < 6; call++)
        {
            using var answer = await SendAsync(european, Body(model: "anywhere"));
            (await answer.Content.ReadAsStringAsync()).ShouldContain("\"model\":\"in-eu\"");
        }

        var nowhere = await ClientAsync(new NewKey(), crew, """{"allowed_regions":["asia"]}""");
        foreach (var model in new[] { "anywhere", Model })
        {
            using var refused = await SendAsync(nowhere, Body(model: model));
            refused.StatusCode.ShouldBe(HttpStatusCode.NotFound, "a provider of unknown region is in none");
        }

        using var sandbox = await SendAsync(nowhere, Body(model: "crew-sandbox-echo"));
        sandbox.StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task The_tokens_of_a_minute_are_used_up_once()
    {
        var client = await ClientAsync(new NewKey(), null, """{"tokens_per_minute":10}""");
        var statuses = new List<int>();
        for (var call = 0; call < 4; call++)
        {
            using var answer = await SendAsync(client, Body());
            statuses.Add((int)answer.StatusCode);
            answer.Headers.GetValues(answer.StatusCode == HttpStatusCode.OK ? "x-ratelimit-limit-tokens" : "retry-after").ShouldHaveSingleItem();
            if (answer.StatusCode == HttpStatusCode.TooManyRequests)
            {
                (await ErrorOf(answer)).GetProperty("code").GetString().ShouldBe("rate_limit_exceeded");
            }
        }

        using var content = Json("""{"model":"crew-sandbox-echo","max_tokens":8,"messages":[{"role":"user","content":"hi"}]}""");
        var other = await ClientAsync(new NewKey(), null, """{"tokens_per_minute":1000}""");
        using var message = await other.PostAsync(new Uri("/v1/messages", UriKind.Relative), content);
        message.Headers.GetValues("anthropic-ratelimit-tokens-limit").ShouldBe(["1000"]);
        statuses[0].ShouldBe(200);
        statuses.Count(s => s == 429).ShouldBeGreaterThanOrEqualTo(2, "at most one of the calls can fall into a new minute");
    }

    [Fact]
    public async Task A_crew_has_as_many_streams_at_once_as_it_may()
    {
        var crew = await CrewAsync("""{"concurrent_streams":2}""");
        var client = await ClientAsync(new NewKey(), crew);
        var gate = new MockGate();
        _gateway.Mock.Default = new MockBehavior { Gate = gate, GateAfterChunks = 1 };
        var streaming = Body(""","stream":true,"max_tokens":8""");
        using var first = await SendAsync(client, streaming, HttpCompletionOption.ResponseHeadersRead);
        using var second = await SendAsync(client, streaming, HttpCompletionOption.ResponseHeadersRead);
        using var third = await SendAsync(client, streaming);
        third.StatusCode.ShouldBe(HttpStatusCode.TooManyRequests);
        (await ErrorOf(third)).GetProperty("message").GetString()!.ShouldContain("streams");
        using var whole = await SendAsync(client, Body(model: "crew-sandbox-echo"));
        whole.StatusCode.ShouldBe(HttpStatusCode.OK, "only streams count");
        gate.Open();
        await first.Content.ReadAsStringAsync();
        await second.Content.ReadAsStringAsync();
        for (var tries = 0; ; tries++)
        {
            using var again = await SendAsync(client, streaming);
            if (again.StatusCode == HttpStatusCode.OK || tries == 200)
            {
                again.StatusCode.ShouldBe(HttpStatusCode.OK);
                break;
            }
        }
    }

    [Theory]
    [InlineData("""{"tokens_per_minute":0}""")]
    [InlineData("""{"concurrent_streams":-1}""")]
    [InlineData("""{"allowed_regions":[""]}""")]
    [InlineData("""{"allowed_models":[""]}""")]
    [InlineData("""{"no_such":1}""")]
    public async Task Settings_that_cannot_be_are_refused(string settings)
    {
        var crew = await CrewAsync("{}");
        using var refused = await PatchAsync($"/v1/crews/{crew}", $$"""{"settings":{{settings}}}""");
        refused.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
    }

    private static HttpContent Json(string text) => new StringContent(text, Encoding.UTF8, "application/json");

    private async Task<HttpResponseMessage> PatchAsync(string path, string json)
    {
        using var content = Json(json);
        return await _gateway.Server.Master.PatchAsync(new Uri(path, UriKind.Relative), content);
    }

    private async Task<string> CrewAsync(string settings)
    {
        var made = await _gateway.Server.PostAsync("/v1/crews", new Dictionary<string, object?> { ["name"] = "narrow", ["environment"] = "production" });
        var id = made.GetProperty("id").GetString()!;
        using var set = await PatchAsync($"/v1/crews/{id}", $$"""{"settings":{{settings}}}""");
        set.StatusCode.ShouldBe(HttpStatusCode.OK, await set.Content.ReadAsStringAsync());
        return id;
    }

    private async Task<HttpClient> ClientAsync(NewKey key, string? crew, string? change = null)
    {
        var made = await _gateway.Server.CreateKeyAsync(key);
        if (change is not null)
        {
            using var set = await PatchAsync($"/v1/api-keys/{made.Id}", change);
            set.StatusCode.ShouldBe(HttpStatusCode.OK, await set.Content.ReadAsStringAsync());
        }

        var client = _gateway.Server.Client(made.Key);
        if (crew is not null)
        {
            client.DefaultRequestHeaders.Add("X-Crew-Id", crew);
        }

        return client;
    }
}
