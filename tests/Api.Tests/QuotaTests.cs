namespace Crew.Api.Tests;

public sealed class SqliteQuotaTests(SqliteStage stage) : QuotaTests(stage);

public sealed class PostgresQuotaTests(PostgresStage stage) : QuotaTests(stage);

/// <summary>A plan is data: it says how many of a kind there may be, and the next larger one says more.</summary>
public abstract class QuotaTests(ApiStage stage) : ApiTests(stage)
{
    private const int KeysOfStarter = 25;

    [Fact]
    public async Task What_a_plan_does_not_hold_is_refused_until_there_is_room_or_a_larger_plan()
    {
        var workspace = (await Stage.Account.PostAsync("/v1/workspaces", new { name = "small", plan = "starter" })).ShouldBe(201).Text("id");
        var inside = ("X-Crew-Workspace", workspace);
        var crew = new { name = "a fourth", environment = "staging" };
        ShouldName("max_crews", 3, await Stage.Account.PostAsync("/v1/crews", crew, inside));

        var key = new { name = "one of many", mode = "live", permissions = new[] { "models:read" } };
        var last = "";
        for (var made = 0; made < KeysOfStarter; made++)
        {
            last = (await Stage.Account.PostAsync("/v1/api-keys", key, inside)).ShouldBe(201).Text("id");
        }

        ShouldName("max_keys", KeysOfStarter, await Stage.Account.PostAsync("/v1/api-keys", key, inside));
        (await Stage.Account.DeleteAsync($"/v1/api-keys/{last}", inside)).ShouldBe(200);
        (await Stage.Account.PostAsync("/v1/api-keys", key, inside)).ShouldBe(201);

        (await Stage.Account.PatchAsync($"/v1/workspaces/{workspace}", new { plan = "professional" }, inside)).ShouldBe(200);
        (await Stage.Account.PostAsync("/v1/crews", crew, inside)).ShouldBe(201);
        (await Stage.Account.PostAsync("/v1/api-keys", key, inside)).ShouldBe(201);
        (await Stage.Master.PatchAsync($"/v1/workspaces/{Stage.Home.WorkspaceId}", new { plan = "starter" })).ShouldBe(403, "insufficient_permissions");
    }

    private static void ShouldName(string limit, int value, ApiAnswer refusal)
    {
        var details = refusal.ShouldBe(403, "quota_exceeded").Error.GetProperty("details");
        details.GetProperty("limit").GetString().ShouldBe(limit);
        details.GetProperty("value").GetInt64().ShouldBe(value);
    }
}
