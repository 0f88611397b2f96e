using System.Text.Json;

namespace Crew.Api.Tests;

public sealed class SqliteTokenTests(SqliteStage stage) : TokenTests(stage);

public sealed class PostgresTokenTests(PostgresStage stage) : TokenTests(stage);

/// <summary>User tokens from their minting to their end.</summary>
public abstract class TokenTests(ApiStage stage) : ApiTests(stage)
{
    private const string Tokens = "/v1/auth/tokens";

    [Fact]
    public async Task A_token_says_who_it_is_for_and_may_do_what_was_asked_for()
    {
        var key = await IssuerAsync(new { crew_id = Stage.Home.Crews.Staging });
        var made = (await key.Caller.PostAsync(Tokens, new { subject = "customer-4711", permissions = new[] { "crews:read" }, expires_in = 900 })).ShouldBe(201);
        made.Text("token_type").ShouldBe("Bearer");
        made.Data.GetProperty("expires_in").GetInt32().ShouldBeInRange(898, 900);
        var claims = await ValidatedAsync(made.Text("access_token"));
        claims["sub"].ShouldBe("ext:customer-4711");
        claims["client_id"].ShouldBe(key.Id);
        claims["key_id"].ShouldBe(key.Id);
        claims["sid"].ShouldBe(made.Text("id"));
        claims["org"].ShouldBe(Stage.Home.OrganizationId);
        claims["ws"].ShouldBe(Stage.Home.WorkspaceId);
        claims["crew"].ShouldBe(Stage.Home.Crews.Staging);
        claims["mode"].ShouldBe("live");
        claims["scope"].ShouldBe("crews:read");
        claims["jti"].ToString().ShouldStartWith("jti_");
        (Convert.ToInt64(claims["exp"]) - Convert.ToInt64(claims["iat"])).ShouldBe(900);

        var me = (await Stage.Caller(made.Text("access_token")).GetAsync("/v1/me")).ShouldBe(200).Data;
        me.GetProperty("principal").GetProperty("type").GetString().ShouldBe("token");
        me.GetProperty("principal").GetProperty("id").GetString().ShouldBe(made.Text("id"));
        me.GetProperty("permissions").EnumerateArray().Select(p => p.GetString()).ShouldBe(["crews:read"]);
        (await Stage.Caller(made.Text("access_token")).GetAsync("/v1/gateway/usage")).ShouldBe(403, "insufficient_permissions");
        (await Stage.Caller(made.Text("access_token")).GetAsync($"/v1/crews/{Stage.Home.Crews.Production}")).ShouldBe(404, "not_found");
    }

    [Fact]
    public async Task A_member_can_do_no_more_by_token_than_the_key_and_the_member_may()
    {
        var key = await IssuerAsync();
        var made = await MintAsync(key, new { user_id = Stage.Home.Owner.UserId, permissions = new[] { "crews:read" } });
        made.Text("subject").ShouldBe(Stage.Home.Owner.UserId);
        (await Stage.Caller(made.Text("access_token")).GetAsync("/v1/crews")).ShouldBe(200);
        (await Stage.Master.PatchAsync($"/v1/api-keys/{key.Id}", new { permissions = new[] { "tokens:create", "members:read" } })).ShouldBe(200);
        (await Stage.Caller(made.Text("access_token")).GetAsync("/v1/crews")).ShouldBe(403, "insufficient_permissions");
        (await Stage.Caller(made.Text("access_token")).GetAsync("/v1/members")).ShouldBe(403, "insufficient_permissions");
    }

    [Fact]
    public async Task A_token_is_refused_that_would_give_more_than_its_key()
    {
        var key = await IssuerAsync(new { environment = "staging", permissions = new[] { "tokens:create", "crews:read" } });
        var beyond = (await key.Caller.PostAsync(Tokens, new { subject = "a", permissions = new[] { "crews:read", "members:read" } })).ShouldBe(403, "insufficient_permissions");
        beyond.Error.GetProperty("details").GetProperty("required").GetString().ShouldBe("members:read");
        (await key.Caller.PostAsync(Tokens, new { subject = "a", permissions = new[] { "*" } })).ShouldBe(403, "insufficient_permissions");
        (await key.Caller.PostAsync(Tokens, new { subject = "a", permissions = new[] { "crews:read" }, crew_id = Stage.Home.Crews.Production })).ShouldBe(404, "not_found");
        (await key.Caller.PostAsync(Tokens, new { user_id = Stage.Other.Owner.UserId, permissions = new[] { "crews:read" } })).ShouldBe(404, "not_found");
        (await key.Caller.PostAsync(Tokens, new { user_id = "user_01k9x2f7m3q8t0v5w6y4z1a2bc", permissions = new[] { "crews:read" } })).ShouldBe(404, "not_found");
    }

    [Fact]
    public async Task What_cannot_be_meant_is_refused()
    {
        var key = await IssuerAsync();
        string[] reads = ["crews:read"];
        object[] wrong =
        [
            new { permissions = reads }, new { subject = "a", user_id = Stage.Home.Owner.UserId, permissions = reads }, new { subject = "", permissions = reads },
            new { subject = "a b", permissions = reads }, new { subject = "a\nb", permissions = reads }, new { subject = new string('a', 129), permissions = reads },
            new { subject = "a" }, new { subject = "a", permissions = Array.Empty<string>() }, new { subject = "a", permissions = new[] { "crews:look" } },
            new { subject = "a", permissions = new[] { "tokens:create" } }, new { subject = "a", permissions = reads, expires_in = 0 },
            new { subject = "a", permissions = reads, expires_in = 3601 },
        ];
        foreach (var body in wrong)
        {
            (await key.Caller.PostAsync(Tokens, body)).ShouldBe(400, "invalid_request");
        }

        foreach (var path in new[] { $"{Tokens}/refresh", $"{Tokens}/revoke" })
        {
            (await Stage.Caller(null).PostAsync(path, new { })).ShouldBe(400, "invalid_request");
            (await Stage.Caller(null).PostAsync(path, new { token = "a" })).ShouldBe(400, "unknown_field");
        }

        (await Stage.Account.PostAsync(Tokens, new { subject = "a", permissions = reads }, ("X-Crew-Workspace", Stage.SecondWorkspaceId))).ShouldBe(400, "invalid_request");
    }

    [Fact]
    public async Task A_token_mints_no_tokens_and_takes_over_no_key()
    {
        var key = await IssuerAsync(new { permissions = new[] { "tokens:create", "api_keys:write", "api_keys:read", "crews:read", "members:read" } });
        var token = Stage.Caller((await MintAsync(key, new { subject = "a", permissions = new[] { "api_keys:write", "api_keys:read", "crews:read" } })).Text("access_token"));
        (await token.PostAsync(Tokens, new { subject = "b", permissions = new[] { "crews:read" } })).ShouldBe(403, "insufficient_permissions");
        (await token.PostAsync($"/v1/api-keys/{key.Id}/roll")).ShouldBe(403, "step_up_required");
        (await token.PatchAsync($"/v1/api-keys/{key.Id}", new { name = "x" })).ShouldBe(403, "insufficient_permissions");
        (await token.DeleteAsync($"/v1/api-keys/{key.Id}")).ShouldBe(403, "insufficient_permissions");
        var draft = new { name = "a", mode = "live", permissions = new[] { "crews:read" } };
        (await token.PostAsync("/v1/api-keys", draft)).ShouldBe(403, "step_up_required");
    }

    [Theory]
    [InlineData("revoke")]
    [InlineData("parent")]
    [InlineData("roll")]
    [InlineData("leak")]
    public async Task The_end_of_a_key_is_the_end_of_its_tokens(string how)
    {
        var parent = await IssuerAsync();
        var key = await IssuerAsync(new { parent_id = parent.Id });
        var made = await MintAsync(key);
        var token = Stage.Caller(made.Text("access_token"));
        (await token.GetAsync("/v1/crews")).ShouldBe(200);
        switch (how)
        {
            case "revoke":
                (await Stage.Master.DeleteAsync($"/v1/api-keys/{key.Id}")).ShouldBe(200);
                break;
            case "parent":
                (await Stage.Master.DeleteAsync($"/v1/api-keys/{parent.Id}")).ShouldBe(200);
                break;
            case "roll":
                (await Stage.Master.PostAsync($"/v1/api-keys/{key.Id}/roll")).ShouldBe(201);
                break;
            default:
                (await Stage.Caller(null).PostAsync("/v1/api-keys/leaks", new { keys = new[] { key.Text } })).ShouldBe(202);
                break;
        }

        (await token.GetAsync("/v1/crews")).ShouldBe(401, "invalid_token").Error.GetProperty("details").GetProperty("reason").GetString().ShouldBe("revoked");
        (await RefreshAsync(made.Text("refresh_token"))).ShouldBe(401, "invalid_token");
        (await Stage.Master.GetAsync($"{Tokens}/{made.Text("id")}")).ShouldBe(200).Text("status").ShouldBe("revoked");
    }

    [Theory]
    [InlineData("refresh_token")]
    [InlineData("access_token")]
    public async Task Whoever_holds_a_token_can_end_it(string which)
    {
        var made = await MintAsync(await IssuerAsync());
        (await Stage.Caller(null).PostAsync($"{Tokens}/revoke", new Dictionary<string, string> { [which] = made.Text(which) })).ShouldBe(200);
        (await Stage.Caller(made.Text("access_token")).GetAsync("/v1/crews")).ShouldBe(401, "invalid_token");
        (await RefreshAsync(made.Text("refresh_token"))).ShouldBe(401, "invalid_token");
        (await Stage.Caller(null).PostAsync($"{Tokens}/revoke", new Dictionary<string, string> { [which] = "nonsense" })).ShouldBe(200);
    }

    [Fact]
    public async Task Families_are_listed_read_and_ended()
    {
        var key = await IssuerAsync();
        var made = await MintAsync(key);
        var path = $"{Tokens}/{made.Text("id")}";
        var read = (await Stage.Master.GetAsync(path)).ShouldBe(200);
        (read.Text("status"), read.Text("key_id"), read.Text("subject")).ShouldBe(("active", key.Id, "ext:a"));
        read.Body.ShouldNotContain(made.Text("refresh_token"));
        var listed = new List<string?>();
        for (var cursor = ""; cursor is not null;)
        {
            var page = (await Stage.Master.GetAsync($"{Tokens}?limit=100{cursor}")).ShouldBe(200);
            listed.AddRange(page.Data.EnumerateArray().Select(f => f.GetProperty("id").GetString()));
            cursor = page.Json.GetProperty("pagination").GetProperty("next_cursor").GetString() is { } next ? $"&cursor={next}" : null;
        }

        listed.ShouldContain(made.Text("id"));
        (await Stage.Master.DeleteAsync(path)).ShouldBe(200).Text("revoked_reason").ShouldBe("revoked");
        (await Stage.Caller(made.Text("access_token")).GetAsync("/v1/crews")).ShouldBe(401, "invalid_token");
        (await Stage.Foreigner.GetAsync(path)).ShouldBe(404, "not_found");
    }

    [Fact]
    public async Task A_token_ends_when_it_says_so_and_no_later_than_its_key()
    {
        var key = await IssuerAsync(new { expires_at = DateTimeOffset.UtcNow.AddSeconds(600).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'") });
        var made = await MintAsync(key, new { subject = "a", permissions = new[] { "crews:read" } });
        made.Data.GetProperty("expires_in").GetInt32().ShouldBeInRange(590, 600);
        made.Data.GetProperty("ends_at").GetDateTimeOffset().ShouldBeLessThanOrEqualTo(DateTimeOffset.UtcNow.AddSeconds(600));
        var brief = await MintAsync(await IssuerAsync(), new { subject = "a", permissions = new[] { "crews:read" }, expires_in = 1 });
        await Task.Delay(1_100, Cancel);
        (await Stage.Caller(brief.Text("access_token")).GetAsync("/v1/crews")).ShouldBe(401, "expired_token");
        var next = (await RefreshAsync(brief.Text("refresh_token"))).ShouldBe(200);
        (await Stage.Caller(next.Text("access_token")).GetAsync("/v1/crews")).ShouldBe(200);
    }

    [Fact]
    public async Task A_refresh_gives_the_next_pair_and_a_lost_race_the_same_successor()
    {
        var made = await MintAsync(await IssuerAsync());
        var next = (await RefreshAsync(made.Text("refresh_token"))).ShouldBe(200);
        var again = (await RefreshAsync(made.Text("refresh_token"))).ShouldBe(200);
        again.Text("refresh_token").ShouldBe(next.Text("refresh_token"));
        next.Text("refresh_token").ShouldNotBe(made.Text("refresh_token"));
        foreach (var access in new[] { made.Text("access_token"), next.Text("access_token"), again.Text("access_token") })
        {
            (await Stage.Caller(access).GetAsync("/v1/crews")).ShouldBe(200);
        }
    }

    [Fact]
    public async Task A_refresh_token_that_comes_back_after_its_successor_was_used_ends_the_family()
    {
        var made = await MintAsync(await IssuerAsync());
        var second = (await RefreshAsync(made.Text("refresh_token"))).ShouldBe(200);
        var third = (await RefreshAsync(second.Text("refresh_token"))).ShouldBe(200);
        (await RefreshAsync(made.Text("refresh_token"))).ShouldBe(401, "invalid_token").Error.GetProperty("details").GetProperty("reason").GetString().ShouldBe("reused");
        (await RefreshAsync(third.Text("refresh_token"))).ShouldBe(401, "invalid_token");
        foreach (var access in new[] { made, second, third })
        {
            (await Stage.Caller(access.Text("access_token")).GetAsync("/v1/crews")).ShouldBe(401, "invalid_token");
        }

        var records = (await Stage.Master.GetAsync($"/v1/audit-logs?resource_id={made.Text("id")}")).ShouldBe(200).Data.EnumerateArray()
            .Select(r => r.GetProperty("event_type").GetString()!).Where(type => type.StartsWith("token.", StringComparison.Ordinal)).ToList();
        records.ShouldBe(["token.issued", "token.refreshed", "token.refreshed", "token.reused", "token.revoked"], ignoreOrder: true);
    }

    [Fact]
    public async Task The_use_of_a_token_is_on_record_with_its_key()
    {
        var key = await IssuerAsync();
        var made = await MintAsync(key);
        var answer = (await Stage.Caller(made.Text("access_token")).GetAsync("/v1/crews")).ShouldBe(200);
        var record = (await Stage.Master.GetAsync($"/v1/audit-logs?event_type=token.used&request_id={answer.Header("X-Request-Id")}")).ShouldBe(200).Data[0];
        record.GetProperty("actor").GetProperty("type").GetString().ShouldBe("token");
        record.GetProperty("actor").GetProperty("id").GetString().ShouldBe(made.Text("id"));
        (await Stage.Master.GetAsync($"/v1/audit-logs?event_type=token.used&key_id={key.Id}")).ShouldBe(200).Data.GetArrayLength().ShouldBe(1);
    }

    [Fact]
    public async Task A_model_call_by_token_is_metered_for_its_key_and_its_person_and_held_to_the_budgets_of_both()
    {
        var key = await IssuerAsync(new { permissions = new[] { "tokens:create", "models:invoke" } });
        var token = Stage.Caller((await MintAsync(key, new { user_id = Stage.Home.Owner.UserId, permissions = new[] { "models:invoke" } })).Text("access_token"));
        var body = new { model = "crew-sandbox-echo", max_tokens = 16, messages = new[] { new { role = "user", content = "Hello" } } };
        var call = (await token.PostAsync("/v1/chat/completions", body)).ShouldBe(200);
        var row = (await Stage.Master.GetAsync($"/v1/gateway/requests/{call.Header("X-Request-Id")}")).ShouldBe(200).Data.GetProperty("attempts")[0];
        row.GetProperty("key_id").GetString().ShouldBe(key.Id);
        row.GetProperty("user_id").GetString().ShouldBe(Stage.Home.Owner.UserId);
        (await Stage.Master.PostAsync("/v1/budgets", new { scope = $"key:{key.Id}", amount_usd = "0.000000001", window = "day", mode = "strict" })).ShouldBe(201);
        (await token.PostAsync("/v1/chat/completions", body)).ShouldBe(402, "insufficient_quota");
        (await token.PostAsync("/v1/messages", body)).ShouldBe(402).Error.GetProperty("type").GetString().ShouldBe("billing_error");
    }

    [Fact]
    public async Task What_looks_like_a_token_and_is_none_is_refused()
    {
        var made = await MintAsync(await IssuerAsync());
        var parts = made.Text("access_token").Split('.');
        string[] texts =
        [
            "..", "a.b.c", $"{parts[0]}.{parts[1]}.", $"{parts[0]}..{parts[2]}", $".{parts[1]}.{parts[2]}", $"{parts[0]}.{parts[1]}.{parts[2]}A", $"{parts[0]}.{parts[1]}.{parts[2]}=",
            $"{parts[0]}.{parts[1]}.{Flip(parts[2])}", $"{parts[0]}.{Flip(parts[1])}.{parts[2]}", $"{Header("none")}.{parts[1]}.", $"{Header("none")}.{parts[1]}.{parts[2]}",
            $"{Header("HS256")}.{parts[1]}.{parts[2]}", $"{parts[0]} .{parts[1]}.{parts[2]}", new string('a', 9_000) + ".b.c",
        ];
        foreach (var text in texts)
        {
            (await Stage.Caller(text).GetAsync("/v1/me")).ShouldBe(401, "invalid_token");
        }

        (await Stage.Caller(parts[0]).GetAsync("/v1/me")).ShouldBe(401, "invalid_api_key");
        foreach (var text in new[] { "", "crew_rt_", Flip(made.Text("refresh_token")), made.Text("refresh_token") + "0", made.Text("access_token") })
        {
            (await RefreshAsync(text)).ShouldBe(401, "invalid_token");
        }

        static string Flip(string text) => text[..^5] + (text[^5] == 'x' ? 'y' : 'x') + text[^4..];
        static string Header(string algorithm) => Convert.ToBase64String(JsonSerializer.SerializeToUtf8Bytes(new { alg = algorithm, typ = "at+jwt" })).TrimEnd('=');
    }

    [Fact]
    public async Task A_page_of_a_listed_origin_may_call_by_token_and_nothing_else()
    {
        const string page = "https://app.example.com";
        var inside = ("X-Crew-Workspace", (await Stage.Account.PostAsync("/v1/workspaces", new { name = "front end" })).ShouldBe(201).Text("id"));
        (await Stage.Account.PatchAsync($"/v1/workspaces/{inside.Item2}", new { settings = new { allowed_origins = new[] { page } } }, inside)).ShouldBe(200);
        var fields = new { name = "issuer", mode = "live", permissions = new[] { "tokens:create", "crews:read" } };
        var key = (await Stage.Account.PostAsync("/v1/api-keys", fields, inside)).ShouldBe(201);
        var made = (await Stage.Caller(key.Text("key")).PostAsync(Tokens, new { subject = "a", permissions = new[] { "crews:read" } })).ShouldBe(201);
        var token = Stage.Caller(made.Text("access_token"));
        var asked = ("Access-Control-Request-Method", "GET");
        var preflight = await Stage.Caller(null).SendAsync("OPTIONS", "/v1/crews", null, ("Origin", page), asked);
        (preflight.Status, preflight.Header("Access-Control-Allow-Origin"), preflight.Header("Access-Control-Allow-Credentials")).ShouldBe((204, page, null));
        preflight.Header("Access-Control-Allow-Headers").ShouldNotBeNull().ShouldContain("Authorization");
        var answer = (await token.GetAsync("/v1/crews", ("Origin", page))).ShouldBe(200);
        (answer.Header("Access-Control-Allow-Origin"), answer.Header("Vary")).ShouldBe((page, "Origin"));
        (await Stage.Caller(null).PostAsync($"{Tokens}/refresh", new { refresh_token = made.Text("refresh_token") }, ("Origin", page))).ShouldBe(200);

        (await Stage.Caller(key.Text("key")).GetAsync("/v1/crews", ("Origin", page))).ShouldBe(403, "key_in_browser");
        var stranger = await Stage.Caller(null).SendAsync("OPTIONS", "/v1/crews", null, ("Origin", "https://evil.example.com"), asked);
        (stranger.Status, stranger.Header("Access-Control-Allow-Origin")).ShouldBe((405, null));
        var refused = (await token.GetAsync("/v1/crews", ("Origin", "https://evil.example.com"))).ShouldBe(403, "origin_not_allowed");
        refused.Header("Access-Control-Allow-Origin").ShouldBeNull();
        var other = await MintAsync(await IssuerAsync());
        (await Stage.Caller(other.Text("access_token")).GetAsync("/v1/crews", ("Origin", page))).ShouldBe(403, "origin_not_allowed");
        (await Stage.Caller(null).PostAsync($"{Tokens}/refresh", new { refresh_token = other.Text("refresh_token") }, ("Origin", page))).ShouldBe(403, "origin_not_allowed");
        foreach (var wrong in new[] { "*", "null", "https://app.example.com/", "https://a.example.com/x", "app.example.com", "https://*.example.com", "ftp://a.example.com" })
        {
            var settings = new { settings = new { allowed_origins = new[] { wrong } } };
            (await Stage.Account.PatchAsync($"/v1/workspaces/{inside.Item2}", settings, inside)).ShouldBe(400, "invalid_request");
        }
    }

    [Fact]
    public async Task A_token_works_from_the_addresses_of_its_key_only()
    {
        var key = await IssuerAsync(new { allowed_ips = new[] { "192.0.2.0/24" } });
        var made = (await Stage.Caller(key.Text, "192.0.2.1").PostAsync(Tokens, new { subject = "a", permissions = new[] { "crews:read" } })).ShouldBe(201);
        (await Stage.Caller(made.Text("access_token"), "192.0.2.2").GetAsync("/v1/crews")).ShouldBe(200);
        (await Stage.Caller(made.Text("access_token"), "192.0.3.2").GetAsync("/v1/crews")).ShouldBe(403, "ip_not_allowed");
        (await Stage.Caller(null, "192.0.3.2").PostAsync($"{Tokens}/refresh", new { refresh_token = made.Text("refresh_token") })).ShouldBe(403, "ip_not_allowed");
        (await Stage.Caller(null, "192.0.2.2").PostAsync($"{Tokens}/refresh", new { refresh_token = made.Text("refresh_token") })).ShouldBe(200);
    }

    [Fact]
    public async Task No_text_of_a_token_is_written_anywhere()
    {
        var made = await MintAsync(await IssuerAsync());
        var next = (await RefreshAsync(made.Text("refresh_token"))).ShouldBe(200);
        (await Stage.Caller(made.Text("access_token")).GetAsync("/v1/crews")).ShouldBe(200);
        (await Stage.Caller(null).GetAsync($"/v1/me?access_token={next.Text("access_token")}")).ShouldBe(401, "key_in_url");
        var secrets = new[] { made, next }.SelectMany(m => new[] { m.Text("refresh_token"), m.Text("access_token").Split('.')[2] }).ToArray();
        Crew.Testing.ByteScan.For(secrets).Folder(Stage.Server.Root).ShouldBeEmpty();
    }

    private Task<ApiKeyCaller> IssuerAsync(object? fields = null)
    {
        var body = JsonSerializer.SerializeToElement(fields ?? new { }).EnumerateObject().ToDictionary(f => f.Name, f => (object)f.Value);
        body.TryAdd("permissions", new[] { "tokens:create", "crews:read", "members:read" });
        return Stage.KeyAsync(body);
    }

    private static async Task<ApiAnswer> MintAsync(ApiKeyCaller key, object? body = null) =>
        (await key.Caller.PostAsync(Tokens, body ?? new { subject = "a", permissions = new[] { "crews:read" } })).ShouldBe(201);

    private Task<ApiAnswer> RefreshAsync(string text) => Stage.Caller(null).PostAsync($"{Tokens}/refresh", new { refresh_token = text });

    /// <summary>Judged by another library, with the keys that the server publishes.</summary>
    private async Task<IDictionary<string, object>> ValidatedAsync(string token)
    {
        var keys = new Microsoft.IdentityModel.Tokens.JsonWebKeySet((await Stage.Caller(null).GetAsync("/.well-known/jwks.json")).ShouldBe(200).Body);
        var issuer = Stage.Server.PublicAddress.ToString().TrimEnd('/');
        var result = await new Microsoft.IdentityModel.JsonWebTokens.JsonWebTokenHandler().ValidateTokenAsync(token, new Microsoft.IdentityModel.Tokens.TokenValidationParameters
        {
            ValidIssuer = issuer,
            ValidAudience = issuer,
            ValidTypes = ["at+jwt"],
            ValidAlgorithms = ["ES256"],
            IssuerSigningKeys = keys.GetSigningKeys(),
        });
        result.IsValid.ShouldBeTrue(result.Exception?.Message);
        return result.Claims;
    }
}
