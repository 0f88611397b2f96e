namespace Crew.Api.Tests;

public sealed class SqliteWorkspaceChoiceTests(SqliteStage stage) : WorkspaceChoiceTests(stage);

public sealed class PostgresWorkspaceChoiceTests(PostgresStage stage) : WorkspaceChoiceTests(stage);

/// <summary>What an account master may not do by choosing another workspace.</summary>
public abstract class WorkspaceChoiceTests(ApiStage stage) : ApiTests(stage)
{
    private const string Nowhere = "ws_01k9x2f7m3q8t0v5w6y4z1a2bc";

    [Fact]
    public async Task An_address_must_be_on_the_list_of_the_home_workspace_too()
    {
        var path = $"/v1/workspaces/{Stage.Third.WorkspaceId}";
        var address = Stage.NewAddress();
        var inside = Stage.Caller(Stage.Third.ApiKeys.Live, address);
        var outside = Stage.Caller(Stage.Third.ApiKeys.Live);
        var other = ("X-Crew-Workspace", (await inside.PostAsync("/v1/workspaces", new { name = "other" })).ShouldBe(201).Text("id"));
        (await outside.GetAsync("/v1/me", other)).ShouldBe(200);
        (await inside.PatchAsync(path, new { settings = new { allowed_ips = new[] { address } } })).ShouldBe(200);
        (await outside.GetAsync("/v1/me")).ShouldBe(403, "ip_not_allowed");
        (await outside.GetAsync("/v1/me", other)).ShouldBe(403, "ip_not_allowed");
        (await outside.GetAsync("/v1/me", ("X-Crew-Workspace", Nowhere))).ShouldBe(403, "ip_not_allowed");
        (await inside.GetAsync("/v1/me", other)).ShouldBe(200);
        (await inside.PatchAsync(path, new { settings = new { allowed_ips = Array.Empty<string>() } })).ShouldBe(200);
    }

    [Fact]
    public async Task A_choice_of_no_workspace_is_on_record_at_home()
    {
        var refused = (await Stage.Account.GetAsync("/v1/me", ("X-Crew-Workspace", Nowhere))).ShouldBe(404, "not_found");
        var records = (await Stage.Account.GetAsync($"/v1/audit-logs?request_id={refused.Header("X-Request-Id")}")).ShouldBe(200);
        records.Body.ShouldContain("api_key.used");
    }
}
