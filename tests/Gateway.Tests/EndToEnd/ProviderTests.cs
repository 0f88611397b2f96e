using System.Net;
using System.Text;
using System.Text.Json;
using Crew.Testing;
using Shouldly;
using Xunit;
using static Crew.Gateway.Tests.EndToEnd.GatewayServer;

namespace Crew.Gateway.Tests.EndToEnd;

[Collection(GatewayServerGroup.Name)]
public sealed class ProviderTests(GatewayServer gateway)
{
    [Theory]
    [InlineData("base_url", "https://example.com/v1/messages", "invalid_request", "before the endpoint")]
    [InlineData("kind", "nonsense", "invalid_request", "openai")]
    [InlineData("base_url", "http://plain.example.com/v1", "egress_refused", "CREW_EGRESS_ALLOW")]
    [InlineData("base_url", "https://169.254.169.254/v1", "egress_refused", "public internet")]
    [InlineData("base_url", "https://user:word@example.com/v1", "egress_refused", "password")]
    [InlineData("base_url", "https://example.com", "invalid_request", "/v1")]
    [InlineData("base_url", "ftp://example.com/v1", "invalid_request", "https")]
    [InlineData("api_key", "has space", "invalid_request", "ASCII")]
    [InlineData("api_key", "env:CREW_MASTER_KEY", "invalid_request", "CREW_")]
    [InlineData("api_key", "file:/etc/passwd", "invalid_request", "/run/secrets")]
    [InlineData("name", "", "invalid_request", "name")]
    [InlineData("no_such_field", "1", "unknown_field", "no_such_field")]
    public async Task A_provider_that_cannot_be_is_refused_with_the_reason(string field, string value, string code, string says)
    {
        var refusal = await Should.ThrowAsync<CrewApiException>(gateway.Server.PostAsync("/v1/gateway/providers", Draft(field, value)));
        refusal.Status.ShouldBe(400);
        refusal.Code.ShouldBe(code);
        refusal.Message.ShouldContain(says);
    }

    [Fact]
    public async Task Making_a_provider_and_its_models_calls_nobody()
    {
        gateway.Mock.Reset();
        var provider = await gateway.Server.CreateProviderAsync(gateway.Mock);
        await gateway.Server.CreateModelAsync(new NewModel { Id = "never-called", ProviderId = provider });
        gateway.Mock.Books.Received.ShouldBe(0);
    }

    [Fact]
    public async Task A_new_destination_does_not_inherit_the_credential()
    {
        await using var thief = await MockProvider.StartAsync();
        var made = await gateway.Server.PostAsync("/v1/gateway/providers", Draft("base_url", "https://first.example.com/v1"));
        made.GetProperty("key_last4").GetString().ShouldBe("6789");
        made.GetProperty("status").GetString().ShouldBe("ready");
        var moved = await PatchAsync($"/v1/gateway/providers/{made.GetProperty("id").GetString()}", """{"base_url":"https://second.example.com/v1"}""");
        moved.GetProperty("status").GetString().ShouldBe("no_credential");
        moved.GetProperty("key_last4").ValueKind.ShouldBe(JsonValueKind.Null);
        await gateway.Server.CreateModelAsync(new NewModel { Id = "moved", ProviderId = made.GetProperty("id").GetString()! });
        using var answer = await SendAsync(await gateway.KeyAsync(), Body(model: "moved"));
        (await ErrorOf(answer)).GetProperty("code").GetString().ShouldBe("provider_credentials_rejected");
    }

    [Fact]
    public async Task A_change_of_the_catalogue_holds_for_the_very_next_call()
    {
        await gateway.Server.CreateModelAsync(new NewModel { Id = "vendor/moving/target", ProviderId = gateway.ProviderId, UpstreamModel = "one" });
        var client = await gateway.KeyAsync();
        for (var round = 0; round < 5; round++)
        {
            await PatchAsync("/v1/gateway/models/vendor/moving/target",
                $$"""{"targets":[{"provider_id":"{{gateway.ProviderId}}","upstream_model":"round-{{round}}"}]}""");
            using var answer = await SendAsync(client, Body(model: "vendor/moving/target"));
            (await answer.Content.ReadAsStringAsync()).ShouldContain($"\"model\":\"round-{round}\"");
        }

        using var deleted = await gateway.Server.Master.DeleteAsync(new Uri("/v1/gateway/models/vendor/moving/target", UriKind.Relative));
        deleted.StatusCode.ShouldBe(HttpStatusCode.OK);
        using var gone = await SendAsync(client, Body(model: "vendor/moving/target"));
        gone.StatusCode.ShouldBe(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task The_catalogue_is_read_page_by_page()
    {
        var longest = "paged/" + new string('m', 250);
        await gateway.Server.CreateModelAsync(new NewModel { Id = "paged/one", ProviderId = gateway.ProviderId });
        await gateway.Server.CreateModelAsync(new NewModel { Id = longest, ProviderId = gateway.ProviderId });
        var (ids, query) = (new List<string>(), "?limit=1");
        while (query.Length > 0)
        {
            using var page = JsonDocument.Parse(await gateway.Server.Master.GetStringAsync(new Uri("/v1/gateway/models" + query, UriKind.Relative)));
            ids.AddRange(page.RootElement.GetProperty("data").EnumerateArray().Select(m => m.GetProperty("id").GetString()!));
            query = page.RootElement.GetProperty("pagination").GetProperty("next_cursor").GetString() is { } next ? "?limit=1&cursor=" + next : "";
        }

        ids.ShouldBeUnique();
        ids.ShouldContain("paged/one");
        ids.ShouldContain(longest);
    }

    [Fact]
    public async Task A_null_takes_back_whom_a_provider_is_shared_with_and_what_a_model_costs()
    {
        var made = await gateway.Server.PostAsync("/v1/gateway/providers", new Dictionary<string, object?> { ["name"] = "shared", ["kind"] = "sandbox", ["owner"] = "organization" });
        var provider = made.GetProperty("id").GetString()!;
        var path = $"/v1/gateway/providers/{provider}";
        await PatchAsync(path, """{"shared_with":["ws_01m85f53nvf8ft65hwwx9ppnf6"]}""");
        (await PatchAsync(path, """{"name":"kept"}""")).GetProperty("shared_with").GetArrayLength().ShouldBe(1);
        (await PatchAsync(path, """{"shared_with":null}""")).GetProperty("shared_with").ValueKind.ShouldBe(JsonValueKind.Null);
        using var halfPair = new StringContent("{\"shared_with\":[\"\\ud800\"]}", Encoding.UTF8, "application/json");
        using var refused = await gateway.Server.Master.PatchAsync(new Uri(path, UriKind.Relative), halfPair);
        refused.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        await gateway.Server.CreateModelAsync(new NewModel { Id = "unpriced-again", ProviderId = provider });
        (await PatchAsync("/v1/gateway/models/unpriced-again", """{"price_per_million_usd":null}"""))
            .GetProperty("price_per_million_usd").ValueKind.ShouldBe(JsonValueKind.Null);
    }

    [Fact]
    public async Task Two_models_of_one_id_and_a_provider_in_use_are_conflicts()
    {
        await gateway.Server.CreateModelAsync(new NewModel { Id = "twice", ProviderId = gateway.ProviderId });
        (await Should.ThrowAsync<CrewApiException>(gateway.Server.CreateModelAsync(new NewModel { Id = "twice", ProviderId = gateway.ProviderId })))
            .Code.ShouldBe("model_exists");
        using var inUse = await gateway.Server.Master.DeleteAsync(new Uri($"/v1/gateway/providers/{gateway.ProviderId}", UriKind.Relative));
        inUse.StatusCode.ShouldBe(HttpStatusCode.Conflict);
    }

    [Fact]
    public async Task An_organizations_provider_serves_the_workspaces_it_is_shared_with_and_is_theirs_to_read_only()
    {
        var workspace = gateway.Server.Installation.WorkspaceId;
        var draft = Draft("owner", "organization");
        draft["base_url"] = gateway.Mock.BaseUrl.ToString();
        draft["shared_with"] = new[] { workspace };
        var provider = (await gateway.Server.PostAsync("/v1/gateway/providers", draft)).GetProperty("id").GetString()!;
        await gateway.Server.CreateModelAsync(new NewModel { Id = "shared", ProviderId = provider });
        using var answer = await SendAsync(await gateway.KeyAsync(), Body(model: "shared"));
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);

        var workspaceKey = await gateway.KeyAsync(new NewKey { Permissions = ["providers:read", "providers:write", "models:read", "models:write"] });
        (await gateway.Server.GetAsync($"/v1/gateway/providers/{provider}", workspaceKey)).GetProperty("owner").GetString().ShouldBe("organization");
        using var refused = await workspaceKey.DeleteAsync(new Uri($"/v1/gateway/providers/{provider}", UriKind.Relative));
        refused.StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        var ownPrice = new NewModel { Id = "own-price", ProviderId = provider, InputUsd = "0" };
        (await Should.ThrowAsync<CrewApiException>(gateway.Server.CreateModelAsync(ownPrice, workspaceKey))).Status.ShouldBe(403);

        var other = (await gateway.Server.PostAsync("/v1/workspaces", new Dictionary<string, object?> { ["name"] = "Other" })).GetProperty("id").GetString()!;
        await PatchAsync($"/v1/gateway/providers/{provider}", $$"""{"shared_with":["{{other}}"]}""");
        using var withdrawn = await SendAsync(await gateway.KeyAsync(), Body(model: "shared"));
        withdrawn.StatusCode.ShouldBe(HttpStatusCode.NotFound);
        using var hidden = await workspaceKey.GetAsync(new Uri($"/v1/gateway/providers/{provider}", UriKind.Relative));
        hidden.StatusCode.ShouldBe(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Bound_keys_do_not_see_providers_at_all()
    {
        var bound = await gateway.KeyAsync(new NewKey { Environment = "production", Permissions = ["providers:read", "models:read"] });
        foreach (var path in new[] { "/v1/gateway/providers", "/v1/gateway/models", $"/v1/gateway/providers/{gateway.ProviderId}" })
        {
            using var hidden = await bound.GetAsync(new Uri(path, UriKind.Relative));
            hidden.StatusCode.ShouldBe(HttpStatusCode.NotFound);
        }
    }

    [Fact]
    public async Task References_to_the_servers_own_places_are_for_account_masters()
    {
        var draft = Draft("api_key", "env:SOME_API_KEY");
        var narrow = await gateway.KeyAsync(new NewKey { Permissions = ["providers:write"] });
        (await Should.ThrowAsync<CrewApiException>(gateway.Server.PostAsync("/v1/gateway/providers", draft, narrow))).Status.ShouldBe(400);
        (await gateway.Server.PostAsync("/v1/gateway/providers", draft)).GetProperty("key_last4").GetString().ShouldBe("env:SOME_API_KEY");
    }

    [Fact]
    public async Task A_test_of_a_provider_says_what_came_back()
    {
        var result = await gateway.Server.PostAsync($"/v1/gateway/providers/{gateway.ProviderId}/test", []);
        result.GetProperty("result").GetString().ShouldBe("ok");
    }

    [Fact]
    public async Task A_sandbox_provider_serves_models_of_the_catalogue()
    {
        var provider = await gateway.Server.PostAsync("/v1/gateway/providers", new Dictionary<string, object?> { ["name"] = "try", ["kind"] = "sandbox" });
        await gateway.Server.CreateModelAsync(new NewModel
        {
            Id = "practice", ProviderId = provider.GetProperty("id").GetString()!, UpstreamModel = "crew-sandbox-script",
        });
        using var answer = await SendAsync(await gateway.KeyAsync(), Body(model: "practice", text: "[[tokens=3]]"));
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        (await gateway.AttemptsAsync(RequestIdOf(answer)))[0].GetProperty("tokens").GetProperty("output").GetInt64().ShouldBe(3);
    }

    private static Dictionary<string, object?> Draft(string field, object value)
    {
        var draft = new Dictionary<string, object?>
        {
            ["name"] = "draft", ["kind"] = "openai", ["base_url"] = "https://models.example.com/v1", ["api_key"] = "sk-0123456789",
        };
        draft[field] = value;
        return draft;
    }

    private async Task<JsonElement> PatchAsync(string path, string json)
    {
        using var content = new StringContent(json, Encoding.UTF8, "application/json");
        using var answer = await gateway.Server.Master.PatchAsync(new Uri(path, UriKind.Relative), content);
        var text = await answer.Content.ReadAsStringAsync();
        answer.StatusCode.ShouldBe(HttpStatusCode.OK, text);
        using var document = JsonDocument.Parse(text);
        return document.RootElement.GetProperty("data").Clone();
    }
}
