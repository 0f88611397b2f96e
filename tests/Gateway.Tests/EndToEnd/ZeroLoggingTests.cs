using System.Text;
using System.Text.Json;
using Crew.Testing;
using Shouldly;
using Xunit;

namespace Crew.Gateway.Tests.EndToEnd;

public sealed class ZeroLoggingTests
{
    private const string Agent = "agent-that-must-leave-no-trace-7c1d5e";

    [Fact]
    public async Task No_address_and_agent_are_kept_where_workspace_crew_or_key_says_so_and_nothing_below_loosens_it()
    {
        await using var server = await CrewServer.StartNewAsync();
        var production = server.Installation.Crews.Production;
        var traced = await CallAsync(server, new NewKey { Name = "traced" }, null);
        traced.Row.GetProperty("ip_address").GetString().ShouldBe("127.0.0.1");
        traced.Row.GetProperty("user_agent").GetString().ShouldBe(Agent);
        traced.Used.GetProperty("ip_address").GetString().ShouldBe("127.0.0.1");

        await PatchAsync(server, $"/v1/crews/{production}", """{"settings":{"zero_logging":true}}""");
        ShouldLeaveNothing(await CallAsync(server, new NewKey { Name = "in the crew" }, production));
        await PatchAsync(server, $"/v1/crews/{production}", """{"settings":{"zero_logging":false}}""");

        var key = await server.CreateKeyAsync(new NewKey { Name = "itself", Permissions = ["models:invoke", "api_keys:write"] });
        (await PatchAsync(server, $"/v1/api-keys/{key.Id}", """{"zero_logging":true}""")).GetProperty("zero_logging").GetBoolean().ShouldBeTrue();
        ShouldLeaveNothing(await CallAsync(server, key, null));
        var child = await server.CreateKeyAsync(new NewKey { Name = "child", ParentId = key.Id });
        ShouldLeaveNothing(await CallAsync(server, child, null));
        using var loosened = Json("""{"zero_logging":false}""");
        using var refused = await server.Client(key.Key).PatchAsync(new Uri($"/v1/api-keys/{key.Id}", UriKind.Relative), loosened);
        ((int)refused.StatusCode).ShouldBe(403);

        await PatchAsync(server, $"/v1/workspaces/{server.Installation.WorkspaceId}", """{"settings":{"zero_logging":true}}""");
        var under = await server.CreateKeyAsync(new NewKey { Name = "under the workspace" });
        await PatchAsync(server, $"/v1/api-keys/{under.Id}", """{"zero_logging":false}""");
        ShouldLeaveNothing(await CallAsync(server, under, production));

        // Last uses are written every ten seconds, and at the stop.
        await server.RestartAsync();
        foreach (var shown in (await server.GetAsync("/v1/api-keys")).EnumerateArray())
        {
            var ip = shown.GetProperty("last_used_ip").GetString();
            (shown.GetProperty("name").GetString() switch
            {
                "traced" => ip == "127.0.0.1",
                "in the crew" or "itself" or "child" or "under the workspace" => ip is null && shown.GetProperty("last_used_at").ValueKind == JsonValueKind.String,
                _ => true,
            }).ShouldBeTrue(shown.GetRawText());
        }

        await server.StopAsync();
        ByteScan.For(Agent).Folder(server.Root).ShouldBeEmpty();
    }

    private static void ShouldLeaveNothing((JsonElement Row, JsonElement Used) trace)
    {
        foreach (var field in new[] { "ip_address", "user_agent" })
        {
            trace.Row.GetProperty(field).ValueKind.ShouldBe(JsonValueKind.Null);
            trace.Used.GetProperty(field).ValueKind.ShouldBe(JsonValueKind.Null);
        }
    }

    private static async Task<(JsonElement Row, JsonElement Used)> CallAsync(CrewServer server, NewKey key, string? crew) =>
        await CallAsync(server, await server.CreateKeyAsync(key), crew);

    private static async Task<(JsonElement Row, JsonElement Used)> CallAsync(CrewServer server, CreatedKey key, string? crew)
    {
        var client = server.Client(key.Key);
        client.DefaultRequestHeaders.UserAgent.ParseAdd(Agent);
        if (crew is not null)
        {
            client.DefaultRequestHeaders.Add("X-Crew-Id", crew);
        }

        using var answer = await GatewayServer.SendAsync(client, GatewayServer.Body(model: "crew-sandbox-echo"));
        answer.EnsureSuccessStatusCode();
        var id = GatewayServer.RequestIdOf(answer);
        return ((await server.GetAsync($"/v1/gateway/requests/{id}")).GetProperty("attempts")[0],
            (await server.GetAsync($"/v1/audit-logs?event_type=api_key.used&request_id={id}"))[0]);
    }

    private static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");

    private static async Task<JsonElement> PatchAsync(CrewServer server, string path, string json)
    {
        using var content = Json(json);
        using var answer = await server.Master.PatchAsync(new Uri(path, UriKind.Relative), content);
        var text = await answer.Content.ReadAsStringAsync();
        answer.IsSuccessStatusCode.ShouldBeTrue(text);
        using var document = JsonDocument.Parse(text);
        return document.RootElement.GetProperty("data").Clone();
    }
}
