namespace Crew.Api.Tests;

public sealed class SqliteEscalationTests(SqliteStage stage) : EscalationTests(stage);

public sealed class PostgresEscalationTests(PostgresStage stage) : EscalationTests(stage);

/// <summary>No key gives, changes or takes more than it has itself.</summary>
public abstract class EscalationTests(ApiStage stage) : ApiTests(stage)
{
    private static readonly string[] KeyRights = ["api_keys:read", "api_keys:write"];

    private static readonly string[] Clearable =
        ["allowed_ips", "allowed_models", "allowed_regions", "rate_limit_per_minute", "tokens_per_minute", "concurrent_streams", "expires_at"];

    [Fact]
    public async Task A_key_cannot_give_a_permission_that_it_lacks()
    {
        var maker = await Stage.KeyAsync(new { permissions = KeyRights });
        foreach (var beyond in new[] { "models:invoke", "*:read", "*:write", "workspaces:write", "audit:read" })
        {
            (await CreateAsync(maker, new { permissions = new[] { beyond } })).ShouldBe(403, "insufficient_permissions");
        }

        (await CreateAsync(maker, new { permissions = KeyRights })).ShouldBe(201);
    }

    [Fact]
    public async Task Contained_rights_count_as_given()
    {
        var maker = await Stage.KeyAsync(new { permissions = new[] { "api_keys:write", "calls:write" } });
        (await CreateAsync(maker, new { permissions = new[] { "calls:place" } })).ShouldBe(201);
        var placer = await Stage.KeyAsync(new { permissions = new[] { "api_keys:write", "calls:place" } });
        (await CreateAsync(placer, new { permissions = new[] { "calls:write" } })).ShouldBe(403);
    }

    [Fact]
    public async Task Wildcards_do_not_reach_the_organization_or_the_special_permissions()
    {
        var maker = await Stage.KeyAsync(new { permissions = new[] { "*:read", "*:write" } });
        foreach (var beyond in new[] { "workspaces:read", "organization:write", "models:invoke", "tokens:create", "exports:create" })
        {
            (await CreateAsync(maker, new { permissions = new[] { beyond } })).ShouldBe(403, "insufficient_permissions");
        }
    }

    [Fact]
    public async Task No_key_makes_a_master_or_a_key_that_follows_a_person()
    {
        foreach (var caller in new[] { Stage.Account, Stage.Master })
        {
            var by = new ApiKeyCaller("", "", caller, null!);
            (await CreateAsync(by, new { permissions = new[] { "*" } })).ShouldBe(403, "insufficient_permissions");
            (await CreateAsync(by, new { kind = "master", permissions = new[] { "*" } })).ShouldBe(403, "insufficient_permissions");
            (await CreateAsync(by, new { kind = "master", permissions = new[] { "*:read" } })).ShouldBe(403, "insufficient_permissions");
            (await CreateAsync(by, new { kind = "master", permissions = new[] { "*" }, account = true })).ShouldBe(403, "insufficient_permissions");
            (await CreateAsync(by, new { kind = "user", permissions = new[] { "*:read" } })).ShouldBe(403, "insufficient_permissions");
            (await CreateAsync(by, new { kind = "king" })).ShouldBe(400, "invalid_request");
            (await CreateAsync(by, new { account = true })).ShouldBe(400, "invalid_request");
        }

        var key = await Stage.KeyAsync();
        (await Stage.Master.PatchAsync($"/v1/api-keys/{key.Id}", new { permissions = new[] { "*" } })).ShouldBe(403, "insufficient_permissions");
    }

    [Fact]
    public async Task Fields_that_the_server_sets_do_not_exist_here()
    {
        foreach (var field in new[] { "user_id", "lineage_id", "workspace_id", "created_by" })
        {
            var body = new Dictionary<string, object?> { ["name"] = "a", ["mode"] = "live", ["permissions"] = KeyRights, [field] = true };
            (await Stage.Account.PostAsync("/v1/api-keys", body)).ShouldBe(400, "unknown_field");
        }
    }

    [Fact]
    public async Task A_key_with_an_IP_list_makes_only_keys_within_it()
    {
        var address = Stage.NewAddress();
        var made = await Stage.KeyAsync(new { permissions = KeyRights, allowed_ips = new[] { address + "/32", "192.0.2.0/24" } });
        var maker = made with { Caller = Stage.Caller(made.Text, address) };
        (await CreateAsync(maker, new { })).ShouldBe(403, "insufficient_permissions");
        (await CreateAsync(maker, new { allowed_ips = new[] { "0.0.0.0/0" } })).ShouldBe(403);
        (await CreateAsync(maker, new { allowed_ips = new[] { "192.0.0.0/16" } })).ShouldBe(403);
        (await CreateAsync(maker, new { allowed_ips = new[] { "::/0" } })).ShouldBe(403);
        (await CreateAsync(maker, new { allowed_ips = new[] { "192.0.2.128/25" } })).ShouldBe(201);
    }

    [Fact]
    public async Task A_key_with_a_model_list_makes_only_keys_within_it()
    {
        var maker = await Stage.KeyAsync(new { permissions = KeyRights, allowed_models = new[] { "a", "b" } });
        (await CreateAsync(maker, new { })).ShouldBe(403, "insufficient_permissions");
        (await CreateAsync(maker, new { allowed_models = new[] { "a", "c" } })).ShouldBe(403);
        (await CreateAsync(maker, new { allowed_models = new[] { "a" } })).ShouldBe(201);
    }

    [Fact]
    public async Task A_key_that_ends_makes_no_key_that_outlives_it()
    {
        var maker = await Stage.KeyAsync(new { permissions = KeyRights, expires_at = "2099-01-01T00:00:00Z" });
        (await CreateAsync(maker, new { })).ShouldBe(403, "insufficient_permissions");
        (await CreateAsync(maker, new { expires_at = "2099-01-01T00:00:01Z" })).ShouldBe(403);
        (await CreateAsync(maker, new { expires_at = "2098-01-01T00:00:00Z" })).ShouldBe(201);
    }

    [Fact]
    public async Task A_bound_key_makes_only_keys_of_its_own_binding()
    {
        var development = await Stage.KeyAsync(new { environment = "development", permissions = KeyRights });
        (await CreateAsync(development, new { mode = "live" })).ShouldBe(403, "insufficient_permissions");
        (await CreateAsync(development, new { mode = "test" })).ShouldBe(403);
        (await CreateAsync(development, new { environment = "production" })).ShouldBe(403);
        (await CreateAsync(development, new { crew_id = Stage.Home.Crews.Production })).ShouldBe(404, "not_found");
        (await CreateAsync(development, new { environment = "development" })).ShouldBe(201);
        (await CreateAsync(development, new { crew_id = Stage.Home.Crews.Development })).ShouldBe(201);
        var crew = await Stage.KeyAsync(new { crew_id = Stage.Home.Crews.Development, permissions = KeyRights });
        (await CreateAsync(crew, new { environment = "development" })).ShouldBe(403);
        (await CreateAsync(crew, new { crew_id = Stage.Home.Crews.Development })).ShouldBe(201);
    }

    [Fact]
    public async Task A_test_key_makes_no_live_key()
    {
        var test = new ApiKeyCaller("", "", Stage.Caller(Stage.Home.ApiKeys.Test), null!);
        (await CreateAsync(test, new { mode = "live" })).ShouldBe(403, "insufficient_permissions");
        (await CreateAsync(test, new { environment = "production" })).ShouldBe(403);
        (await CreateAsync(test, new { crew_id = Stage.Home.Crews.Production })).ShouldBe(404);
        (await CreateAsync(test, new { mode = "test" })).ShouldBe(201);
    }

    [Fact]
    public async Task A_key_cannot_widen_itself_or_others()
    {
        var maker = await Stage.KeyAsync(new { permissions = KeyRights, allowed_models = new[] { "a" } });
        var path = $"/v1/api-keys/{maker.Id}";
        (await maker.Caller.PatchAsync(path, new { permissions = new[] { "*:read" } })).ShouldBe(403, "insufficient_permissions");
        (await maker.Caller.PatchAsync(path, new { allowed_models = new[] { "a", "b" } })).ShouldBe(403);
        (await maker.Caller.PatchAsync(path, new { permissions = new[] { "api_keys:read" } })).ShouldBe(200);
        (await maker.Caller.GetAsync("/v1/me")).ShouldBe(200).Data.GetProperty("permissions").GetArrayLength().ShouldBe(1);
        (await maker.Caller.PatchAsync(path, new { permissions = KeyRights })).ShouldBe(403);
    }

    [Fact]
    public async Task Null_takes_lists_limits_and_the_end_of_a_key_away_and_what_is_left_out_stays()
    {
        var key = await Stage.KeyAsync(new
        {
            permissions = new[] { "models:invoke" }, allowed_ips = new[] { "203.0.113.0/24" }, allowed_models = new[] { "a" }, allowed_regions = new[] { "eu" },
            rate_limit_per_minute = 10, tokens_per_minute = 1_000, concurrent_streams = 2, expires_at = "2027-12-01T00:00:00Z",
        });
        var path = $"/v1/api-keys/{key.Id}";
        var renamed = (await Stage.Master.PatchAsync(path, new { name = "renamed" })).ShouldBe(200).Data;
        foreach (var field in Clearable)
        {
            renamed.GetProperty(field).ValueKind.ShouldNotBe(System.Text.Json.JsonValueKind.Null, field);
            var cleared = (await Stage.Master.PatchAsync(path, new Dictionary<string, object?> { [field] = null })).ShouldBe(200).Data.GetProperty(field);
            (field == "allowed_ips" ? cleared.GetArrayLength() == 0 : cleared.ValueKind == System.Text.Json.JsonValueKind.Null).ShouldBeTrue(field);
        }

        (await Stage.Master.PatchAsync(path, new { allowed_models = "a" })).ShouldBe(400, "invalid_request");
        (await Stage.Master.PatchAsync(path, new { allowed_models = new[] { 1 } })).ShouldBe(400, "invalid_request");
        (await Stage.Master.PatchAsync(path, new { tokens_per_minute = "many" })).ShouldBe(400, "invalid_request");
        (await Stage.Master.PatchAsync(path, new { expires_at = "soon" })).ShouldBe(400, "invalid_request");
    }

    [Fact]
    public async Task A_limited_key_neither_clears_nor_exceeds_its_limits_and_hands_them_on()
    {
        var maker = await Stage.KeyAsync(new
        {
            permissions = KeyRights, allowed_models = new[] { "a" }, rate_limit_per_minute = 100, tokens_per_minute = 1_000, concurrent_streams = 2,
            expires_at = "2027-12-01T00:00:00Z",
        });
        var limits = (await maker.Caller.GetAsync("/v1/me")).ShouldBe(200).Data.GetProperty("limits");
        limits.GetProperty("key_tokens_per_minute").GetInt32().ShouldBe(1_000);
        limits.GetProperty("key_concurrent_streams").GetInt32().ShouldBe(2);
        var path = $"/v1/api-keys/{maker.Id}";
        foreach (var field in Clearable.Where(f => f is not ("allowed_ips" or "allowed_regions")))
        {
            (await maker.Caller.PatchAsync(path, new Dictionary<string, object?> { [field] = null })).ShouldBe(403, "insufficient_permissions");
        }

        (await maker.Caller.PatchAsync(path, new { tokens_per_minute = 1_001 })).ShouldBe(403);
        (await maker.Caller.PatchAsync(path, new { tokens_per_minute = 900, name = "smaller" })).ShouldBe(200);
        var child = (await CreateAsync(maker, new { mode = "live", allowed_models = new[] { "a" }, expires_at = "2027-11-01T00:00:00Z" })).ShouldBe(201).Data;
        child.GetProperty("tokens_per_minute").GetInt32().ShouldBe(900);
        child.GetProperty("concurrent_streams").GetInt32().ShouldBe(2);
        child.GetProperty("rate_limit_per_minute").GetInt32().ShouldBe(100);
        (await CreateAsync(maker, new { mode = "live", allowed_models = new[] { "a" }, expires_at = "2027-11-01T00:00:00Z", concurrent_streams = 3 })).ShouldBe(403);
    }

    [Fact]
    public async Task Nobody_changes_rolls_or_revokes_a_stronger_key()
    {
        var weak = await Stage.KeyAsync(new { permissions = KeyRights });
        var strong = await Stage.KeyAsync(new { permissions = new[] { "api_keys:read", "api_keys:write", "models:invoke" } });
        var account = (await Stage.Account.GetAsync("/v1/me")).Data.GetProperty("principal").GetProperty("id").GetString();
        var master = (await Stage.Master.GetAsync("/v1/me")).Data.GetProperty("principal").GetProperty("id").GetString();
        foreach (var id in new[] { strong.Id, account, master })
        {
            await ShouldNotActAsync(weak.Caller, id!);
        }

        await ShouldNotActAsync(Stage.Master, account!);
        (await strong.Caller.GetAsync("/v1/me")).ShouldBe(200);
        (await strong.Caller.DeleteAsync($"/v1/api-keys/{weak.Id}")).ShouldBe(200);
    }

    [Fact]
    public async Task A_narrow_key_does_not_act_on_one_with_wider_bounds()
    {
        var wide = await Stage.KeyAsync(new { permissions = KeyRights });
        var models = await Stage.KeyAsync(new { permissions = KeyRights, allowed_models = new[] { "a" } });
        await ShouldNotActAsync(models.Caller, wide.Id);
        var address = Stage.NewAddress();
        var made = await Stage.KeyAsync(new { permissions = KeyRights, allowed_ips = new[] { address } });
        await ShouldNotActAsync(Stage.Caller(made.Text, address), wide.Id);
        var ending = await Stage.KeyAsync(new { permissions = KeyRights, expires_at = "2099-01-01T00:00:00Z" });
        (await ending.Caller.PostAsync($"/v1/api-keys/{wide.Id}/roll")).ShouldBe(403, "insufficient_permissions");
    }

    [Fact]
    public async Task A_child_cannot_exceed_its_parent()
    {
        var parent = await Stage.KeyAsync(new { permissions = new[] { "models:read", "api_keys:read" }, allowed_models = new[] { "a" } });
        var master = new ApiKeyCaller("", "", Stage.Master, null!);
        Task<ApiAnswer> ChildAsync(object extra) => CreateAsync(master, Merge(new { parent_id = parent.Id, permissions = new[] { "models:read" } }, extra));
        (await ChildAsync(new { allowed_models = new[] { "a" }, permissions = new[] { "models:invoke" } })).ShouldBe(403, "insufficient_permissions");
        (await ChildAsync(new { })).ShouldBe(403);
        (await ChildAsync(new { allowed_models = new[] { "a" } })).ShouldBe(201);
    }

    [Theory]
    [InlineData(5, null, 5)]
    [InlineData(5, 9, 5)]
    [InlineData(9, 5, 5)]
    [InlineData(null, 5, 5)]
    public async Task A_child_is_as_slow_as_its_parent(int? parents, int? own, int expected)
    {
        var parent = await Stage.KeyAsync(new { rate_limit_per_minute = parents });
        var child = await Stage.KeyAsync(new { rate_limit_per_minute = own, parent_id = parent.Id });
        var limits = (await child.Caller.GetAsync("/v1/me")).ShouldBe(200).Data.GetProperty("limits");
        limits.GetProperty("key_requests_per_minute").GetInt32().ShouldBe(expected);
    }

    [Fact]
    public async Task A_capped_key_does_not_come_by_the_text_of_one_that_its_cap_does_not_cover()
    {
        var cap = new { amount_usd = "0.01", window = "day", mode = "strict" };
        var capped = await Stage.KeyAsync(new { permissions = KeyRights, budget = cap });
        var beside = await Stage.KeyAsync(new { permissions = KeyRights });
        (await capped.Caller.PostAsync($"/v1/api-keys/{beside.Id}/roll")).ShouldBe(403, "insufficient_permissions");
        (await beside.Caller.GetAsync("/v1/me")).ShouldBe(200);

        var below = (await CreateAsync(capped, new { parent_id = capped.Id })).ShouldBe(201);
        (await capped.Caller.PostAsync($"/v1/api-keys/{below.Text("id")}/roll")).ShouldBe(201);
        (await capped.Caller.PostAsync($"/v1/api-keys/{capped.Id}/roll", new { overlap_seconds = 60 })).ShouldBe(201);
        (await Stage.Master.PostAsync($"/v1/api-keys/{beside.Id}/roll")).ShouldBe(201);
    }

    [Fact]
    public async Task A_rolled_key_does_not_take_the_place_of_its_successor()
    {
        var old = await Stage.KeyAsync(new { permissions = KeyRights });
        var successor = (await Stage.Master.PostAsync($"/v1/api-keys/{old.Id}/roll", new { overlap_seconds = 3600 })).ShouldBe(201);
        var path = $"/v1/api-keys/{successor.Text("id")}/roll";
        (await old.Caller.PostAsync(path)).ShouldBe(403, "insufficient_permissions");
        var owner = Stage.Caller(successor.Text("key"));
        (await owner.GetAsync("/v1/me")).ShouldBe(200);
        (await owner.PostAsync(path)).ShouldBe(201);
    }

    [Fact]
    public async Task Only_the_first_organization_refers_to_secrets_of_the_machine()
    {
        static object Draft(string key) => new { name = "refers", kind = "openai", base_url = "https://thief.example.com/v1", api_key = key };
        foreach (var place in new[] { "env:OPENAI_API_KEY", "file:/run/secrets/openai" })
        {
            (await Stage.Foreigner.PostAsync("/v1/gateway/providers", Draft(place))).ShouldBe(400, "invalid_request");
            (await Stage.Master.PostAsync("/v1/gateway/providers", Draft(place))).ShouldBe(400, "invalid_request");
            (await Stage.Account.PostAsync("/v1/gateway/providers", Draft(place))).ShouldBe(201);
        }

        var plain = (await Stage.Foreigner.PostAsync("/v1/gateway/providers", Draft("sk-plain"))).ShouldBe(201).Text("id");
        (await Stage.Foreigner.PatchAsync($"/v1/gateway/providers/{plain}", new { api_key = "env:OPENAI_API_KEY" })).ShouldBe(400, "invalid_request");
    }

    private static Dictionary<string, object?> Merge(params object[] parts)
    {
        var all = new Dictionary<string, object?>();
        foreach (var field in parts.SelectMany(p => System.Text.Json.JsonSerializer.SerializeToElement(p).EnumerateObject()))
        {
            all[field.Name] = field.Value;
        }

        return all;
    }

    private static async Task ShouldNotActAsync(ApiCaller caller, string id)
    {
        (await caller.PatchAsync($"/v1/api-keys/{id}", new { name = "mine now" })).ShouldBe(403, "insufficient_permissions");
        (await caller.PostAsync($"/v1/api-keys/{id}/roll")).ShouldBe(403, "insufficient_permissions");
        (await caller.DeleteAsync($"/v1/api-keys/{id}")).ShouldBe(403, "insufficient_permissions");
    }

    /// <summary>Asks for a key by this one: a live one with the right to read keys unless told otherwise.</summary>
    private static Task<ApiAnswer> CreateAsync(ApiKeyCaller maker, object fields)
    {
        var body = Merge(new { name = "made by a key", permissions = new[] { "api_keys:write" } }, fields);
        if (!body.Keys.Any(k => k is "mode" or "environment" or "crew_id"))
        {
            body["mode"] = "live";
        }

        return maker.Caller.PostAsync("/v1/api-keys", body);
    }
}
