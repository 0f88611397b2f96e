namespace Crew.Api.Tests;

public sealed class SqliteVersionTests(SqliteStage stage) : VersionTests(stage);

public sealed class PostgresVersionTests(PostgresStage stage) : VersionTests(stage);

/// <summary>Versions of things, pages of lists, and workspaces that are suspended or closed by address.</summary>
public abstract class VersionTests(ApiStage stage) : ApiTests(stage)
{
    [Fact]
    public async Task A_change_on_an_old_version_is_refused_and_on_the_right_one_carried_out()
    {
        var key = await Stage.KeyAsync();
        var path = $"/v1/api-keys/{key.Id}";
        var tag = (await Stage.Master.GetAsync(path)).ShouldBe(200).Header("ETag").ShouldNotBeNull();
        var changed = (await Stage.Master.PatchAsync(path, new { name = "second" }, ("If-Match", tag))).ShouldBe(200);
        changed.Header("ETag").ShouldNotBe(tag);
        (await Stage.Master.PatchAsync(path, new { name = "third" }, ("If-Match", tag))).ShouldBe(412, "version_conflict");
        (await Stage.Master.PatchAsync(path, new { name = "third" }, ("If-Match", $"{tag}, {changed.Header("ETag")}"))).ShouldBe(200);
        (await Stage.Master.PatchAsync(path, new { name = "fourth" }, ("If-Match", "*"))).ShouldBe(200);
        (await Stage.Master.PostAsync($"{path}/roll", new { }, ("If-Match", tag))).ShouldBe(412, "version_conflict");
        (await Stage.Master.DeleteAsync(path, ("If-Match", tag))).ShouldBe(412, "version_conflict");
        (await Stage.Master.GetAsync(path)).ShouldBe(200).Text("name").ShouldBe("fourth");
    }

    [Fact]
    public async Task A_known_version_is_not_sent_again()
    {
        var path = $"/v1/crews/{Stage.Home.Crews.Production}";
        var tag = (await Stage.Master.GetAsync(path)).Header("ETag")!;
        var same = (await Stage.Master.GetAsync(path, ("If-None-Match", tag))).ShouldBe(304);
        same.Body.ShouldBeEmpty();
        (await Stage.Master.GetAsync(path, ("If-None-Match", "\"v99\""))).ShouldBe(200);
    }

    [Fact]
    public async Task Of_changes_on_the_same_version_one_wins()
    {
        var crew = (await Stage.Master.PostAsync("/v1/crews", new { name = "raced", environment = "staging" })).ShouldBe(201);
        var answers = await Task.WhenAll(Enumerable.Range(0, 10).Select(i =>
            Stage.Master.PatchAsync($"/v1/crews/{crew.Text("id")}", new { name = $"winner {i}" }, ("If-Match", crew.Header("ETag")!))));
        answers.Count(a => a.Status == 200).ShouldBe(1, string.Join('\n', answers.Select(a => a.Body)));
        answers.Where(a => a.Status != 200).ShouldAllBe(a => a.Code == "version_conflict");
    }

    [Fact]
    public async Task Pages_hold_every_key_once_and_in_order()
    {
        var workspace = (await Stage.Account.PostAsync("/v1/workspaces", new { name = "many keys" })).ShouldBe(201).Text("id");
        var inside = ("X-Crew-Workspace", workspace);
        var made = new System.Collections.Concurrent.ConcurrentBag<string>();
        var key = new { name = "one of many", mode = "live", permissions = new[] { "models:read" } };
        await Parallel.ForEachAsync(Enumerable.Range(0, 250), new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (_, _) =>
            made.Add((await Stage.Account.PostAsync("/v1/api-keys", key, inside)).ShouldBe(201).Text("id")));
        var (seen, cursor, sizes) = (new List<string>(), "", new List<int>());
        do
        {
            var page = (await Stage.Account.GetAsync($"/v1/api-keys?limit=100{cursor}", inside)).ShouldBe(200);
            sizes.Add(page.Data.GetArrayLength());
            seen.AddRange(page.Data.EnumerateArray().Select(k => k.GetProperty("id").GetString()!));
            var pagination = page.Json.GetProperty("pagination");
            pagination.GetProperty("has_more").GetBoolean().ShouldBe(pagination.GetProperty("next_cursor").GetString() is not null);
            cursor = pagination.GetProperty("next_cursor").GetString() is { } next ? $"&cursor={Uri.EscapeDataString(next)}" : "";
        }
        while (cursor.Length > 0);
        sizes.ShouldBe([100, 100, 50]);
        seen.ShouldBe(made.Order(StringComparer.Ordinal));
        (await Stage.Account.GetAsync("/v1/api-keys", inside)).Data.GetArrayLength().ShouldBe(50);
    }

    [Theory]
    [InlineData("limit=0")]
    [InlineData("limit=101")]
    [InlineData("limit=-1")]
    [InlineData("limit=ten")]
    [InlineData("limit=")]
    [InlineData("limit=5&limit=6")]
    [InlineData("cursor=%F0%9F%94%91")]
    [InlineData("cursor=%00")]
    [InlineData("cursor=!!!")]
    public async Task A_page_that_cannot_be_is_400_on_every_list(string query)
    {
        foreach (var list in Stage.Reference.Operations.Where(o => o.Node.GetRawText().Contains("parameters/Cursor", StringComparison.Ordinal)))
        {
            (await Stage.Master.GetAsync($"{list.Path}?{query}")).ShouldBe(400, "invalid_request");
        }
    }

    [Fact]
    public async Task A_suspended_workspace_refuses_its_own_keys_until_it_is_resumed()
    {
        var workspace = (await Stage.Account.PostAsync("/v1/workspaces", new { name = "to be suspended" })).ShouldBe(201).Text("id");
        var key = new { name = "inside", mode = "live", permissions = new[] { "*:read" } };
        var made = await Stage.Account.PostAsync("/v1/api-keys", key, ("X-Crew-Workspace", workspace));
        var inside = Stage.Caller(made.ShouldBe(201).Text("key"));
        (await inside.GetAsync("/v1/crews")).ShouldBe(200);
        (await Stage.Account.PostAsync($"/v1/workspaces/{workspace}/suspend")).ShouldBe(200);
        (await inside.GetAsync("/v1/crews")).ShouldBe(403, "workspace_suspended");
        var chat = new { model = "crew-sandbox-echo", messages = new[] { new { role = "user", content = "Hello" } } };
        (await Stage.Account.PostAsync("/v1/chat/completions", chat, ("X-Crew-Workspace", workspace))).ShouldBe(403, "workspace_suspended");
        (await Stage.Account.GetAsync("/v1/crews", ("X-Crew-Workspace", workspace))).ShouldBe(200);
        (await Stage.Account.PostAsync($"/v1/workspaces/{workspace}/resume")).ShouldBe(200);
        (await inside.GetAsync("/v1/crews")).ShouldBe(200);
        (await Stage.Account.PostAsync("/v1/chat/completions", chat, ("X-Crew-Workspace", workspace))).ShouldBe(200);
    }

    [Fact]
    public async Task The_list_of_addresses_of_a_workspace_binds_its_keys_and_does_not_lock_out_its_author()
    {
        var workspace = (await Stage.Account.PostAsync("/v1/workspaces", new { name = "by address" })).ShouldBe(201).Text("id");
        var inside = ("X-Crew-Workspace", workspace);
        var path = $"/v1/workspaces/{workspace}";
        Task<ApiAnswer> AllowAsync(params string[] ips) => Stage.Account.PatchAsync(path, new { settings = new { allowed_ips = ips } }, inside);
        (await AllowAsync("192.0.2.0/24")).ShouldBe(400, "ip_list_excludes_caller");
        (await AllowAsync("192.0.2.0/24", Stage.Account.Address)).ShouldBe(200);
        var made = await Stage.Account.PostAsync("/v1/api-keys", new { name = "k", mode = "live", permissions = new[] { "*:read" } }, inside);
        var key = made.ShouldBe(201).Text("key");
        (await Stage.Caller(key).GetAsync("/v1/me")).ShouldBe(403, "ip_not_allowed");
        (await Stage.Caller(key, "192.0.2.77").GetAsync("/v1/me")).ShouldBe(200);
        (await AllowAsync()).ShouldBe(200);
        (await Stage.Caller(key).GetAsync("/v1/me")).ShouldBe(200);
    }
}
