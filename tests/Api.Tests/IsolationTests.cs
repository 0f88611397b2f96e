namespace Crew.Api.Tests;

public sealed class SqliteIsolationTests(SqliteStage stage) : IsolationTests(stage);

public sealed class PostgresIsolationTests(PostgresStage stage) : IsolationTests(stage);

/// <summary>Another's id answers 404 on every route with an id, whoever the other is.</summary>
public abstract class IsolationTests(ApiStage stage) : ApiTests(stage)
{
    private IEnumerable<ApiOperation> WithId => Stage.Reference.Operations.Where(o => o.HasId && !o.IsAnonymous);

    [Fact]
    public async Task Ids_of_another_organization_are_404_on_every_route() =>
        await EveryAsync(Stage.Account, await ThingsAsync(Stage, Stage.Foreigner, Stage.Other.WorkspaceId, Stage.Other.Crews.Staging));

    [Fact]
    public async Task Ids_of_another_workspace_are_404_on_every_route() => await EveryAsync(Stage.Master, await SecondAsync());

    [Fact]
    public async Task An_account_master_sees_another_workspace_only_where_it_says_so()
    {
        var things = await SecondAsync();
        things.Remove("workspaces");
        await EveryAsync(Stage.Account, things);
        var inSecond = ("X-Crew-Workspace", Stage.SecondWorkspaceId);
        (await Stage.Account.GetAsync($"/v1/api-keys/{things["api-keys"]}", inSecond)).ShouldBe(200);
        (await Stage.Account.GetAsync($"/v1/crews/{things["crews"]}", inSecond)).ShouldBe(200);
    }

    [Fact]
    public async Task Ids_of_another_environment_are_404_to_a_key_that_is_bound_to_one()
    {
        var bound = await Stage.KeyAsync(new { environment = "development", permissions = new[] { "*:read", "*:write" } });
        await EveryAsync(bound.Caller, BeyondModels(await OwnAsync(Stage.Home.Crews.Staging)));
        (await bound.Caller.GetAsync($"/v1/crews/{Stage.Home.Crews.Development}")).ShouldBe(200);
    }

    [Fact]
    public async Task Ids_of_another_crew_are_404_to_a_key_that_is_bound_to_one()
    {
        var sibling = (await Stage.Master.PostAsync("/v1/crews", new { name = "sibling", environment = "development" })).ShouldBe(201).Text("id");
        var bound = await Stage.KeyAsync(new { crew_id = Stage.Home.Crews.Development, permissions = new[] { "*:read", "*:write" } });
        await EveryAsync(bound.Caller, BeyondModels(await OwnAsync(sibling)));
        (await bound.Caller.GetAsync($"/v1/crews/{Stage.Home.Crews.Development}")).ShouldBe(200);
    }

    [Fact]
    public async Task Production_and_workspace_level_things_are_404_to_a_test_key()
    {
        var test = Stage.Caller(Stage.Home.ApiKeys.Test);
        await EveryAsync(test, BeyondModels(await OwnAsync(Stage.Home.Crews.Production)));
        (await test.GetAsync($"/v1/crews/{Stage.Home.Crews.Development}")).ShouldBe(200);
        foreach (var operation in Stage.Reference.Operations.Where(o => o.IsWorkspaceLevel && !o.HasId))
        {
            (await test.SendAsync(operation.Method, operation.Path, operation.HasBody ? operation.Example : null)).ShouldBe(404, "not_found");
        }
    }

    [Fact]
    public async Task A_crew_header_of_another_workspace_or_environment_is_404()
    {
        (await Stage.Master.GetAsync("/v1/me", ("X-Crew-Id", Stage.Other.Crews.Staging))).ShouldBe(404, "not_found");
        (await Stage.Master.GetAsync("/v1/me", ("X-Crew-Id", Stage.Home.Crews.Staging))).ShouldBe(200);
        (await Stage.Caller(Stage.Home.ApiKeys.Test).GetAsync("/v1/me", ("X-Crew-Id", Stage.Home.Crews.Production))).ShouldBe(404, "not_found");
    }

    [Fact]
    public async Task A_workspace_header_of_another_organization_is_404_and_is_ignored_from_others_than_account_masters()
    {
        (await Stage.Account.GetAsync("/v1/me", ("X-Crew-Workspace", Stage.Other.WorkspaceId))).ShouldBe(404, "not_found");
        (await Stage.Account.GetAsync("/v1/me", ("X-Crew-Workspace", "nonsense"))).ShouldBe(404, "not_found");
        var second = ("X-Crew-Workspace", Stage.SecondWorkspaceId);
        (await Stage.Account.GetAsync("/v1/me", second)).ShouldBe(200).Text("workspace_id").ShouldBe(Stage.SecondWorkspaceId);
        (await Stage.Master.GetAsync("/v1/me", second)).ShouldBe(200).Text("workspace_id").ShouldBe(Stage.Home.WorkspaceId);
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("key_01k9x2f7m3q8t0v5w6y4z1a2bc")]
    [InlineData("'%20OR%201=1--")]
    [InlineData("%F0%9F%94%91")]
    public async Task An_id_that_is_malformed_or_unknown_is_404_on_every_route(string id) =>
        await EveryAsync(Stage.Account, WithId.Select(KindOf).Distinct().ToDictionary(kind => kind, _ => id));

    [Fact]
    public async Task Lists_show_nothing_of_others()
    {
        var foreign = await ThingsAsync(Stage, Stage.Foreigner, Stage.Other.WorkspaceId, Stage.Other.Crews.Staging);
        foreach (var list in Stage.Reference.Operations.Where(o => o is { Method: "GET", HasId: false, IsGateway: false } && !o.IsAnonymous))
        {
            var shown = (await Stage.Account.GetAsync(list.Path)).Body;
            foreach (var id in foreign.Values.Append(Stage.Other.OrganizationId))
            {
                shown.ShouldNotContain(id, Case.Sensitive, list.Name);
            }
        }
    }

    [Fact]
    public async Task A_model_names_no_provider_that_is_not_shared_with_the_workspace()
    {
        async Task<string> ProviderAsync(object body) => (await Stage.Account.PostAsync("/v1/gateway/providers", body)).ShouldBe(201).Text("id");
        var shared = await ProviderAsync(new { name = "shared", kind = "sandbox", owner = "organization" });
        var hidden = await ProviderAsync(new { name = "hidden", kind = "sandbox", owner = "organization", shared_with = new[] { Stage.SecondWorkspaceId } });
        var id = $"two-targets-{Random.Shared.NextInt64():x}";
        var targets = new[] { shared, hidden }.Select(p => new { provider_id = p, upstream_model = "crew-sandbox-echo" });
        (await Stage.Account.PostAsync("/v1/gateway/models", new { id, targets })).ShouldBe(201).Body.ShouldContain(hidden);
        foreach (var path in new[] { $"/v1/gateway/models/{id}", "/v1/gateway/models" })
        {
            var seen = (await Stage.Master.GetAsync(path)).ShouldBe(200);
            seen.Body.ShouldContain(shared);
            seen.Body.ShouldNotContain(hidden);
        }

        (await Stage.Account.GetAsync($"/v1/gateway/models/{id}")).ShouldBe(200).Body.ShouldContain(hidden);
    }

    /// <summary>The word after /v1 that says what the id on a route is of.</summary>
    private static string KindOf(ApiOperation operation) =>
        string.Join('/', operation.Path.Split('/').Skip(2).TakeWhile(part => !part.StartsWith('{')));

    /// <summary>The list of models is open to bound credentials: they have to know what they may call.</summary>
    private static Dictionary<string, string> BeyondModels(Dictionary<string, string> things)
    {
        things.Remove("models");
        return things;
    }

    private async Task<Dictionary<string, string>> SecondAsync()
    {
        var inSecond = ("X-Crew-Workspace", Stage.SecondWorkspaceId);
        var crew = (await Stage.Account.GetAsync("/v1/crews", inSecond)).ShouldBe(200).Data[1].GetProperty("id").GetString()!;
        return await ThingsAsync(Stage, Stage.Account, Stage.SecondWorkspaceId, crew, inSecond);
    }

    private Task<Dictionary<string, string>> OwnAsync(string crewId) => ThingsAsync(Stage, Stage.Master, Stage.Home.WorkspaceId, crewId);

    /// <summary>One thing of each kind in a workspace, by the words of its route.</summary>
    internal static async Task<Dictionary<string, string>> ThingsAsync(ApiStage stage, ApiCaller caller, string workspaceId, string crewId, params (string, string)[] headers)
    {
        async Task<string> MakeAsync(string path, object body) => (await caller.PostAsync(path, body, headers)).ShouldBe(201).Text("id");
        var key = await MakeAsync("/v1/api-keys", new { name = "thing", mode = "live", permissions = new[] { "models:read" } });
        var budget = await MakeAsync("/v1/budgets", new { scope = $"key:{key}", amount_usd = "1.00", window = "day", mode = "strict" });
        var provider = await MakeAsync("/v1/gateway/providers", new { name = "thing", kind = "openai", base_url = "https://provider.example/v1", api_key = "sk" });
        var targets = new[] { new { provider_id = provider, upstream_model = "m" } };
        var model = await MakeAsync("/v1/gateway/models", new { id = $"thing-{Random.Shared.NextInt64():x}", targets });
        var issuer = (await caller.PostAsync("/v1/api-keys", new { name = "issuer", mode = "live", permissions = new[] { "tokens:create", "models:read" } }, headers)).ShouldBe(201);
        var token = (await stage.Caller(issuer.Text("key")).PostAsync("/v1/auth/tokens", new { subject = "thing", permissions = new[] { "models:read" } })).ShouldBe(201);
        var record = (await caller.GetAsync("/v1/audit-logs?limit=1", headers)).ShouldBe(200).Data[0].GetProperty("id").GetString()!;
        var member = (await caller.GetAsync("/v1/members", headers)).ShouldBe(200).Data.EnumerateArray()
            .First(m => m.GetProperty("role").GetString() == "owner").GetProperty("id").GetString()!;
        var webhook = await MakeAsync("/v1/webhooks", new { url = "https://receiver.example/thing", events = new[] { "*" } });
        var happened = (await caller.GetAsync("/v1/events?limit=1", headers)).ShouldBe(200).Data[0].GetProperty("id").GetString()!;
        return new Dictionary<string, string>
        {
            ["webhooks"] = webhook,
            ["webhook-deliveries"] = (await caller.PostAsync($"/v1/webhooks/{webhook}/test", new { }, headers)).ShouldBe(202).Text("id"),
            ["events"] = happened,
            ["api-keys"] = key,
            ["auth/tokens"] = token.Text("id"),
            ["crews"] = crewId,
            ["workspaces"] = workspaceId,
            ["budgets"] = budget,
            ["audit-logs"] = record,
            ["gateway/providers"] = provider,
            ["gateway/models"] = model,
            ["models"] = model,
            ["members"] = member,
            ["invitations"] = await MakeAsync("/v1/invitations", new { email = $"{Random.Shared.NextInt64():x}@example.com", role = "viewer" }),
            ["alerts"] = await MakeAsync("/v1/alerts", new { title = "thing" }),
            ["access-reviews"] = await MakeAsync("/v1/access-reviews", new { }),
            ["alert-rules"] = "no_such_kind", // Kinds are everybody's; there is none of somebody else.
            ["passkeys"] = record.Replace("log_", "passkey_", StringComparison.Ordinal),
            ["sessions"] = record.Replace("log_", "sess_", StringComparison.Ordinal),
            ["gateway/requests"] = record.Replace("log_", "req_", StringComparison.Ordinal),
        };
    }

    private async Task EveryAsync(ApiCaller caller, Dictionary<string, string> ids)
    {
        var offenders = new List<string>();
        foreach (var operation in WithId)
        {
            if (!ids.TryGetValue(KindOf(operation), out var id))
            {
                if (KindOf(operation) is not ("workspaces" or "models"))
                {
                    offenders.Add($"{operation}: this test has no thing of the kind '{KindOf(operation)}'; make one in ThingsAsync");
                }

                continue;
            }

            var answer = await caller.SendAsync(operation.Method, operation.At(id), operation.HasBody ? operation.Example : null);
            if (answer.Code == "insufficient_permissions" && operation.Permissions.All(p => p.StartsWith("workspaces:", StringComparison.Ordinal)))
            {
                continue; // A right of the organization, which a caller without it lacks before any id is looked at.
            }

            if (!answer.Is(404, "not_found") && !answer.Is(404, "model_not_found"))
            {
                offenders.Add($"{answer} {answer.Body}");
            }
        }

        string.Join('\n', offenders).ShouldBeEmpty();
    }
}
