using System.Text.Json;
using Crew.Kernel;
using Crew.Spend.Contracts;

namespace Crew.Spend.Tests;

public sealed class BudgetRouteTests : IAsyncLifetime
{
    private SpendApp _app = null!;

    public async ValueTask InitializeAsync() => _app = await SpendApp.StartAsync();

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    [Fact]
    public async Task A_budget_is_made_read_changed_listed_and_removed()
    {
        var made = await _app.Account.BudgetAsync("workspace", "12.5", "week", "tracking");
        made.Status.ShouldBe(201, made.Text);
        var id = made.Data.GetProperty("id").GetString()!;
        id.ShouldStartWith("bud_");
        made.Data.GetProperty("scope").GetString().ShouldBe("workspace");
        made.Data.GetProperty("amount_usd").GetString().ShouldBe("12.500000000");
        made.Data.GetProperty("window").GetString().ShouldBe("week");
        made.Data.GetProperty("mode").GetString().ShouldBe("tracking");
        made.Data.GetProperty("clamp_output").GetBoolean().ShouldBeFalse();
        var changed = await _app.Account.SendAsync(
            HttpMethod.Patch, $"/v1/budgets/{id}", new { amount_usd = "3", mode = "strict", clamp_output = true }, made.ETag);
        changed.Status.ShouldBe(200, changed.Text);
        changed.Data.GetProperty("amount_usd").GetString().ShouldBe("3.000000000");
        (await _app.Account.SendAsync(HttpMethod.Patch, $"/v1/budgets/{id}", new { mode = "strict" }, made.ETag)).Status.ShouldBe(412);
        var read = await _app.Account.GetAsync($"/v1/budgets/{id}");
        read.Data.GetRawText().ShouldBe(changed.Data.GetRawText());
        read.ETag.ShouldBe(changed.ETag);
        (await _app.Account.GetAsync("/v1/budgets")).Data.GetArrayLength().ShouldBe(1);
        (await _app.Account.SendAsync(HttpMethod.Delete, $"/v1/budgets/{id}")).Status.ShouldBe(200);
        (await _app.Account.GetAsync($"/v1/budgets/{id}")).Status.ShouldBe(404);
    }

    [Fact]
    public async Task A_budget_counts_from_the_answer_on()
    {
        var caller = new Caller
        {
            Actor = new Actor("api_key", "key_x"),
            OrganizationId = _app.Organization.OrganizationId,
            WorkspaceId = _app.WorkspaceId,
            Permissions = Permissions.All,
        };
        var scope = _app.Ledger.ScopeOf(caller, null, _app.WorkspaceId);
        _app.Ledger.IsCapped(scope).ShouldBeFalse();
        var made = await _app.Account.BudgetAsync("workspace", "0.000001");
        _app.Ledger.IsStrict(scope).ShouldBeTrue();
        var request = new HoldRequest(new NanoUsd(1_001), NanoUsd.Zero, 0, true);
        (await _app.Ledger.HoldAsync(scope, request, default)).Fault!.Code.ShouldBe("insufficient_quota");
        await _app.Account.SendAsync(HttpMethod.Patch, $"/v1/budgets/{made.Data.GetProperty("id").GetString()}", new { amount_usd = "1" });
        (await _app.Ledger.HoldAsync(scope, request, default)).Fault.ShouldBeNull();
        await _app.Account.SendAsync(HttpMethod.Delete, $"/v1/budgets/{made.Data.GetProperty("id").GetString()}");
        _app.Ledger.IsCapped(scope).ShouldBeFalse();
    }

    [Fact]
    public async Task One_scope_has_one_budget_per_window()
    {
        (await _app.Account.BudgetAsync("organization", window: "day")).Status.ShouldBe(201);
        (await _app.Account.BudgetAsync("organization", window: "month")).Status.ShouldBe(201);
        var twin = await _app.Account.BudgetAsync("organization", window: "day");
        twin.Status.ShouldBe(409);
        twin.Code.ShouldBe("budget_exists");
    }

    [Fact]
    public async Task A_wrong_field_is_named()
    {
        (string Body, string Field)[] cases =
        [
            ("""{"amount_usd":"1","window":"day"}""", "scope"),
            ("""{"scope":"galaxy","amount_usd":"1","window":"day"}""", "scope"),
            ("""{"scope":"workspace:ws_1","amount_usd":"1","window":"day"}""", "scope"),
            ("""{"scope":"crew:nothing","amount_usd":"1","window":"day"}""", "scope"),
            ("""{"scope":"workspace","window":"day"}""", "amount_usd"),
            ("""{"scope":"workspace","amount_usd":"-1","window":"day"}""", "amount_usd"),
            ("""{"scope":"workspace","amount_usd":"1.0000000001","window":"day"}""", "amount_usd"),
            ("""{"scope":"workspace","amount_usd":1,"window":"day"}""", "amount_usd"),
            ("""{"scope":"workspace","amount_usd":"1"}""", "window"),
            ("""{"scope":"workspace","amount_usd":"1","window":"year"}""", "window"),
            ("""{"scope":"workspace","amount_usd":"1","window":"day","mode":"loose"}""", "mode"),
        ];
        foreach (var (body, field) in cases)
        {
            var answer = await _app.Account.SendAsync(HttpMethod.Post, "/v1/budgets", JsonDocument.Parse(body).RootElement);
            answer.Status.ShouldBe(400, answer.Text);
            answer.Code.ShouldBe("invalid_request", body);
            answer.Details.GetProperty("field").GetString().ShouldBe(field, body);
        }
    }

    [Fact]
    public async Task Unknown_and_foreign_scopes_are_missing_things()
    {
        foreach (var scope in new[] { Id.New("crew_", TimeProvider.System), Id.New("user_", TimeProvider.System), Id.New("key_", TimeProvider.System) })
        {
            (await _app.Account.BudgetAsync($"{scope[..scope.IndexOf('_')]}:{scope}")).Status.ShouldBe(404, scope);
        }

        (await _app.Account.BudgetAsync($"user:{_app.Organization.UserId}")).Status.ShouldBe(201);
        (await _app.Account.GetAsync("/v1/budgets/nothing")).Status.ShouldBe(404);
        (await _app.Account.GetAsync($"/v1/budgets/{Id.New("bud_", TimeProvider.System)}/explain")).Status.ShouldBe(404);
    }

    [Fact]
    public async Task Without_credentials_or_permission_nothing_is_shown_or_changed()
    {
        (await _app.SendAsync(null, HttpMethod.Get, "/v1/budgets")).Status.ShouldBe(401);
        var key = await _app.KeyAsync(_app.Account, new { name = "reader", permissions = new[] { "budgets:read" }, mode = "live" });
        (await key.BudgetAsync("workspace")).Code.ShouldBe("insufficient_permissions");
        var blind = await _app.KeyAsync(_app.Account, new { name = "blind", permissions = new[] { "models:invoke" }, mode = "live" });
        (await blind.GetAsync("/v1/budgets")).Status.ShouldBe(403);
        (await blind.GetAsync("/v1/gateway/usage")).Status.ShouldBe(403);
        (await blind.GetAsync("/v1/gateway/requests")).Status.ShouldBe(403);
    }

    [Fact]
    public async Task A_budget_is_changed_only_from_strictly_above_its_scope()
    {
        var crew = _app.Crew(CrewEnvironment.Production);
        (await _app.Master.BudgetAsync("organization")).Status.ShouldBe(403);
        (await _app.Master.BudgetAsync("workspace")).Status.ShouldBe(403);
        (await _app.Master.BudgetAsync($"crew:{crew}")).Status.ShouldBe(201);
        (await _app.Master.BudgetAsync($"key:{_app.Master.Id}")).Status.ShouldBe(403, "nobody changes their own budget");
        (await _app.Account.BudgetAsync($"key:{_app.Master.Id}")).Status.ShouldBe(201);
        var parent = await _app.KeyAsync(_app.Master, new
        {
            name = "parent",
            permissions = new[] { "budgets:write", "budgets:read", "api_keys:write" },
            mode = "live",
            parent_id = _app.Master.Id,
        });
        var child = await _app.KeyAsync(parent, new { name = "child", permissions = new[] { "budgets:write", "budgets:read" }, mode = "live", parent_id = parent.Id });
        (await parent.BudgetAsync($"crew:{crew}", window: "day")).Status.ShouldBe(403);
        (await parent.BudgetAsync($"key:{parent.Id}")).Status.ShouldBe(403);
        (await child.BudgetAsync($"key:{parent.Id}")).Status.ShouldBe(403);
        (await child.BudgetAsync($"key:{child.Id}")).Status.ShouldBe(403);
        var made = await parent.BudgetAsync($"key:{child.Id}");
        made.Status.ShouldBe(201, made.Text);
        var path = $"/v1/budgets/{made.Data.GetProperty("id").GetString()}";
        (await child.SendAsync(HttpMethod.Patch, path, new { amount_usd = "1000" })).Status.ShouldBe(403);
        (await child.SendAsync(HttpMethod.Delete, path)).Status.ShouldBe(403);
        (await parent.SendAsync(HttpMethod.Patch, path, new { amount_usd = "2" })).Status.ShouldBe(200);
        (await _app.Master.SendAsync(HttpMethod.Delete, path)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_credential_of_one_environment_sees_the_budgets_of_its_crews_and_its_own()
    {
        var (development, production) = (_app.Crew(CrewEnvironment.Development), _app.Crew(CrewEnvironment.Production));
        var key = await _app.KeyAsync(_app.Account, new { name = "dev", permissions = new[] { "budgets:read" }, environment = "development" });
        foreach (var scope in new[] { "organization", "workspace", $"crew:{production}", $"crew:{development}", $"key:{key.Id}", $"key:{_app.Master.Id}" })
        {
            (await _app.Account.BudgetAsync(scope)).Status.ShouldBe(201, scope);
        }

        (await Scopes(_app.Account)).Count.ShouldBe(6);
        (await Scopes(_app.Master)).ShouldBe(["workspace", $"crew:{production}", $"crew:{development}", $"key:{key.Id}", $"key:{_app.Master.Id}"]);
        (await Scopes(key)).ShouldBe([$"crew:{development}", $"key:{key.Id}"]);
        (await Scopes(_app.TestMaster)).ShouldBe([$"crew:{development}"]);
        var hidden = (await _app.Account.GetAsync("/v1/budgets")).Data.EnumerateArray().Single(b => b.GetProperty("scope").GetString() == "organization");
        (await _app.Master.GetAsync($"/v1/budgets/{hidden.GetProperty("id").GetString()}")).Status.ShouldBe(404);
        (await _app.TestMaster.BudgetAsync("workspace", window: "day")).Status.ShouldBe(404);
        (await _app.TestMaster.BudgetAsync($"crew:{production}", window: "day")).Status.ShouldBe(404);
    }

    [Fact]
    public async Task A_tracking_budget_shows_its_debt_where_it_is_read_and_explained()
    {
        var id = (await _app.Account.BudgetAsync("workspace", "0.000001", mode: "tracking")).Data.GetProperty("id").GetString();
        var caller = new Caller
        {
            Actor = new Actor("api_key", "key_1"),
            OrganizationId = _app.Organization.OrganizationId,
            WorkspaceId = _app.WorkspaceId,
            Permissions = Permissions.All,
        };
        var scope = _app.Ledger.ScopeOf(caller, null, _app.WorkspaceId);
        using var hold = (await _app.Ledger.HoldAsync(scope, new HoldRequest(new NanoUsd(400), NanoUsd.Zero, 0, true), default)).Value;
        hold.Settle(Given.Attempt(1_250, TimeProvider.System), new Crew.Storage.AppendWork());
        var standing = (await _app.Account.GetAsync($"/v1/budgets/{id}")).Data.GetProperty("standing");
        standing.GetProperty("settled_usd").GetString().ShouldBe("0.000001250");
        standing.GetProperty("debt_usd").GetString().ShouldBe("0.000000250");
        standing.GetProperty("free_usd").GetString().ShouldBe("0.000000000");
        (await Budgets(_app.Account)).Single(b => b.GetProperty("id").GetString() == id).GetProperty("standing").GetProperty("debt_usd").GetString()
            .ShouldBe("0.000000250");
        (await _app.Account.GetAsync($"/v1/budgets/{id}/explain")).Data.GetProperty("debt_usd").GetString().ShouldBe("0.000000250");
    }

    [Fact]
    public async Task Explain_says_which_level_blocks_and_names_nothing_above_the_workspace()
    {
        var key = await _app.KeyAsync(_app.Account, new
        {
            name = "capped",
            permissions = new[] { "budgets:read" },
            mode = "live",
            budget = new { amount_usd = "0.00001", window = "total", mode = "strict" },
        });
        await _app.Account.BudgetAsync("organization", "0.000001", "day");
        await _app.Account.BudgetAsync("workspace", "5");
        var caller = new Caller
        {
            Actor = new Actor("api_key", key.Id),
            OrganizationId = _app.Organization.OrganizationId,
            WorkspaceId = _app.WorkspaceId,
            Permissions = Permissions.All,
            LineageId = key.Id,
        };
        var scope = _app.Ledger.ScopeOf(caller, null, _app.WorkspaceId);
        var request = new HoldRequest(new NanoUsd(400), NanoUsd.Zero, 0, true);
        var settled = (await _app.Ledger.HoldAsync(scope, request, default)).Value;
        settled.Settle(Given.Attempt(250, TimeProvider.System), new Crew.Storage.AppendWork());
        using var held = (await _app.Ledger.HoldAsync(scope, request, default)).Value;
        var id = (await Budgets(key)).Single(b => b.GetProperty("scope").GetString() == $"key:{key.Id}").GetProperty("id").GetString();
        var explained = (await key.GetAsync($"/v1/budgets/{id}/explain")).Data;
        explained.GetProperty("settled_usd").GetString().ShouldBe("0.000000250");
        explained.GetProperty("held_usd").GetString().ShouldBe("0.000000400");
        explained.GetProperty("free_usd").GetString().ShouldBe("0.000009350");
        explained.GetProperty("resets_at").ValueKind.ShouldBe(JsonValueKind.Null);
        var levels = explained.GetProperty("levels").EnumerateArray().ToList();
        levels.Select(l => l.GetProperty("level").GetString()).ShouldBe(["above", "workspace", "key"]);
        levels[0].EnumerateObject().Select(p => p.Name).ShouldBe(["level", "blocked", "resets_at"]);
        levels[0].GetProperty("blocked").GetBoolean().ShouldBeFalse();
        using var last = (await _app.Ledger.HoldAsync(scope, new HoldRequest(new NanoUsd(350), NanoUsd.Zero, 0, true), default)).Value;
        var blocked = (await key.GetAsync($"/v1/budgets/{id}/explain")).Data;
        blocked.GetProperty("blocked").GetBoolean().ShouldBeTrue();
        blocked.GetProperty("levels")[0].GetProperty("blocked").GetBoolean().ShouldBeTrue();
        blocked.GetProperty("levels")[0].TryGetProperty("budget", out _).ShouldBeFalse();
        var owner = (await _app.Account.GetAsync($"/v1/budgets/{id}/explain")).Data.GetProperty("levels")[0];
        owner.GetProperty("level").GetString().ShouldBe("organization");
        owner.GetProperty("budget").GetProperty("free_usd").GetString().ShouldBe("0.000000000");
    }

    [Fact]
    public async Task A_key_with_a_budget_makes_children_only_and_a_bad_budget_makes_no_key()
    {
        var capped = await _app.KeyAsync(_app.Master, new
        {
            name = "capped",
            permissions = new[] { "api_keys:write" },
            mode = "live",
            budget = new { amount_usd = "1", window = "day" },
        });
        (await capped.SendAsync(HttpMethod.Post, "/v1/api-keys", new { name = "x", permissions = new[] { "api_keys:write" }, mode = "live" })).Status.ShouldBe(403);
        await _app.KeyAsync(capped, new { name = "x", permissions = new[] { "api_keys:write" }, mode = "live", parent_id = capped.Id });
        var bad = await _app.Master.SendAsync(HttpMethod.Post, "/v1/api-keys",
            new { name = "y", permissions = new[] { "api_keys:write" }, mode = "live", budget = new { amount_usd = "1", window = "year" } });
        bad.Status.ShouldBe(400);
        bad.Details.GetProperty("field").GetString().ShouldBe("budget.window");
    }

    private static async Task<List<JsonElement>> Budgets(TestKey key) => [.. (await key.GetAsync("/v1/budgets")).Data.EnumerateArray()];

    private static async Task<List<string>> Scopes(TestKey key) => [.. (await Budgets(key)).Select(b => b.GetProperty("scope").GetString()!)];
}
