namespace Crew.Api.Tests;

public sealed class SqliteKeyLifeTests(SqliteStage stage) : KeyLifeTests(stage);

public sealed class PostgresKeyLifeTests(PostgresStage stage) : KeyLifeTests(stage);

/// <summary>The life of a key from its making to its end.</summary>
public abstract class KeyLifeTests(ApiStage stage) : ApiTests(stage)
{
    private const string Pattern = "^crew_(?:sk_live|sk_test|dev|stg|prod)_[0-9A-Za-z]{49}$";

    [Theory]
    [InlineData("mode", "live", "crew_sk_live_")]
    [InlineData("mode", "test", "crew_sk_test_")]
    [InlineData("environment", "development", "crew_dev_")]
    [InlineData("environment", "staging", "crew_stg_")]
    [InlineData("environment", "production", "crew_prod_")]
    public async Task A_key_shows_its_binding_in_its_prefix_and_its_text_once(string binding, string value, string prefix)
    {
        var key = await Stage.KeyAsync(new Dictionary<string, object> { [binding] = value });
        key.Text.ShouldStartWith(prefix);
        key.Text.ShouldMatch(Pattern);
        key.Made.Text("last4").ShouldBe(key.Text[^4..]);
        var read = (await Stage.Master.GetAsync($"/v1/api-keys/{key.Id}")).ShouldBe(200);
        read.Body.ShouldNotContain(key.Text);
        read.Data.TryGetProperty("key", out _).ShouldBeFalse();
        (await key.Caller.GetAsync("/v1/me")).ShouldBe(200).Data.GetProperty("principal").GetProperty("id").GetString().ShouldBe(key.Id);
    }

    [Fact]
    public async Task A_key_needs_exactly_one_binding()
    {
        object[] bindings = [new { }, new { mode = "live", environment = "staging" }, new { environment = "staging", crew_id = Stage.Home.Crews.Staging }];
        foreach (var binding in bindings)
        {
            var body = System.Text.Json.JsonSerializer.SerializeToElement(binding).EnumerateObject().ToDictionary(f => f.Name, f => (object)f.Value);
            (body["name"], body["permissions"]) = ("a", new[] { "models:read" });
            (await Stage.Master.PostAsync("/v1/api-keys", body)).ShouldBe(400, "invalid_request");
        }
    }

    [Fact]
    public async Task A_roll_with_overlap_lets_both_work_and_one_without_ends_the_old_at_once()
    {
        var first = await Stage.KeyAsync();
        var second = (await Stage.Master.PostAsync($"/v1/api-keys/{first.Id}/roll", new { overlap_seconds = 3600 })).ShouldBe(201);
        second.Text("id").ShouldNotBe(first.Id);
        second.Text("lineage_id").ShouldBe(first.Made.Text("lineage_id"));
        (await first.Caller.GetAsync("/v1/me")).ShouldBe(200);
        (await Stage.Caller(second.Text("key")).GetAsync("/v1/me")).ShouldBe(200);
        (await Stage.Master.GetAsync($"/v1/api-keys/{first.Id}")).ShouldBe(200).Text("status").ShouldBe("rolled");
        (await Stage.Master.PostAsync($"/v1/api-keys/{first.Id}/roll")).ShouldBe(409, "key_not_active");

        var third = (await Stage.Master.PostAsync($"/v1/api-keys/{second.Text("id")}/roll", new { overlap_seconds = 0 })).ShouldBe(201);
        (await Stage.Caller(second.Text("key")).GetAsync("/v1/me")).ShouldBe(401, "expired_api_key");
        (await Stage.Caller(third.Text("key")).GetAsync("/v1/me")).ShouldBe(200);
        (await Stage.Master.GetAsync($"/v1/api-keys/{second.Text("id")}")).ShouldBe(200).Text("status").ShouldBe("expired");
    }

    [Fact]
    public async Task An_overlap_ends_by_itself()
    {
        var key = await Stage.KeyAsync();
        (await Stage.Master.PostAsync($"/v1/api-keys/{key.Id}/roll", new { overlap_seconds = 1 })).ShouldBe(201);
        (await key.Caller.GetAsync("/v1/me")).ShouldBe(200);
        await Task.Delay(1_100, Cancel);
        (await key.Caller.GetAsync("/v1/me")).ShouldBe(401, "expired_api_key");
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(2_592_001)]
    public async Task An_overlap_outside_of_30_days_is_refused(int seconds) =>
        (await Stage.Master.PostAsync($"/v1/api-keys/{(await Stage.KeyAsync()).Id}/roll", new { overlap_seconds = seconds })).ShouldBe(400, "invalid_request");

    [Fact]
    public async Task A_rolled_key_keeps_what_bounds_it()
    {
        var key = await Stage.KeyAsync(new
        {
            allowed_models = new[] { "a" },
            rate_limit_per_minute = 77,
            expires_at = "2099-01-01T00:00:00Z",
            allowed_ips = new[] { "192.0.2.0/24" },
        });
        var rolled = (await Stage.Master.PostAsync($"/v1/api-keys/{key.Id}/roll")).ShouldBe(201);
        foreach (var field in new[] { "allowed_models", "rate_limit_per_minute", "expires_at", "allowed_ips", "permissions", "mode", "kind", "name" })
        {
            rolled.Data.GetProperty(field).GetRawText().ShouldBe(key.Made.Data.GetProperty(field).GetRawText());
        }
    }

    [Fact]
    public async Task A_revoke_answers_with_a_report_and_can_be_repeated()
    {
        var key = await Stage.KeyAsync();
        (await key.Caller.GetAsync("/v1/me")).ShouldBe(200);
        var revoked = (await Stage.Master.DeleteAsync($"/v1/api-keys/{key.Id}")).ShouldBe(200);
        revoked.Text("status").ShouldBe("revoked");
        revoked.Data.GetProperty("report").GetProperty("requests").GetInt64().ShouldBe(1);
        (await key.Caller.GetAsync("/v1/me")).ShouldBe(401, "expired_api_key");
        var again = (await Stage.Master.DeleteAsync($"/v1/api-keys/{key.Id}")).ShouldBe(200);
        again.Text("revoked_at").ShouldBe(revoked.Text("revoked_at"));
        (await Stage.Master.PatchAsync($"/v1/api-keys/{key.Id}", new { name = "x" })).ShouldBe(409, "key_not_active");
        (await Stage.Master.PostAsync($"/v1/api-keys/{key.Id}/roll")).ShouldBe(409, "key_not_active");
    }

    [Fact]
    public async Task No_request_is_accepted_that_began_after_the_revoke_has_answered()
    {
        var key = await Stage.KeyAsync();
        using var done = new CancellationTokenSource();
        var revokedAt = long.MaxValue;
        var (accepted, refused, late) = (0, 0, 0);
        var verifiers = Enumerable.Range(0, 50).Select(_ => Task.Run(async () =>
        {
            while (!done.IsCancellationRequested)
            {
                var began = System.Diagnostics.Stopwatch.GetTimestamp();
                var answer = await key.Caller.GetAsync("/v1/me");
                Interlocked.Increment(ref answer.Status == 200 ? ref accepted : ref refused);
                if (answer.Status == 200 && began > Volatile.Read(ref revokedAt))
                {
                    Interlocked.Increment(ref late);
                }
            }
        })).ToList();
        await Task.Delay(300, Cancel);
        (await Stage.Master.DeleteAsync($"/v1/api-keys/{key.Id}")).ShouldBe(200);
        Volatile.Write(ref revokedAt, System.Diagnostics.Stopwatch.GetTimestamp());
        await Task.Delay(500, Cancel);
        await done.CancelAsync();
        await Task.WhenAll(verifiers);
        accepted.ShouldBeGreaterThan(0);
        refused.ShouldBeGreaterThan(0);
        late.ShouldBe(0);
    }

    [Fact]
    public async Task A_child_dies_with_its_parent_and_its_parents_parent()
    {
        var parent = await Stage.KeyAsync();
        var child = await Stage.KeyAsync(new { parent_id = parent.Id });
        var grandchild = await Stage.KeyAsync(new { parent_id = child.Id });
        (await grandchild.Caller.GetAsync("/v1/me")).ShouldBe(200);
        (await Stage.Master.DeleteAsync($"/v1/api-keys/{parent.Id}")).ShouldBe(200);
        foreach (var dead in new[] { child, grandchild })
        {
            var refusal = (await dead.Caller.GetAsync("/v1/me")).ShouldBe(401, "expired_api_key");
            refusal.Error.GetProperty("details").GetProperty("reason").GetString().ShouldBe("revoked");
            (await Stage.Master.GetAsync($"/v1/api-keys/{dead.Id}")).ShouldBe(200).Text("status").ShouldBe("revoked");
        }
    }

    [Fact]
    public async Task A_child_lives_on_when_its_parent_is_rolled()
    {
        var parent = await Stage.KeyAsync();
        var child = await Stage.KeyAsync(new { parent_id = parent.Id });
        var rolled = (await Stage.Master.PostAsync($"/v1/api-keys/{parent.Id}/roll")).ShouldBe(201);
        (await child.Caller.GetAsync("/v1/me")).ShouldBe(200);
        (await Stage.Master.DeleteAsync($"/v1/api-keys/{rolled.Text("id")}")).ShouldBe(200);
        (await child.Caller.GetAsync("/v1/me")).ShouldBe(401, "expired_api_key");
    }

    [Fact]
    public async Task A_child_is_narrowed_when_its_parent_is()
    {
        var parent = await Stage.KeyAsync(new { permissions = new[] { "crews:read", "members:read" } });
        var child = await Stage.KeyAsync(new { parent_id = parent.Id, permissions = new[] { "crews:read", "members:read" } });
        (await child.Caller.GetAsync("/v1/members")).ShouldBe(200);
        (await Stage.Master.PatchAsync($"/v1/api-keys/{parent.Id}", new { permissions = new[] { "crews:read" } })).ShouldBe(200);
        (await child.Caller.GetAsync("/v1/members")).ShouldBe(403, "insufficient_permissions");
        (await child.Caller.GetAsync("/v1/crews")).ShouldBe(200);
    }

    [Fact]
    public async Task The_tree_of_a_key_shows_who_stands_below_it()
    {
        var root = await Stage.KeyAsync();
        var child = await Stage.KeyAsync(new { parent_id = root.Id });
        var grandchild = await Stage.KeyAsync(new { parent_id = child.Id });
        var other = await Stage.KeyAsync(new { parent_id = root.Id });
        var rolled = (await Stage.Master.PostAsync($"/v1/api-keys/{other.Id}/roll")).ShouldBe(201);
        var tree = (await Stage.Master.GetAsync($"/v1/api-keys/{root.Id}/tree")).ShouldBe(200).Data;
        Shape(tree.GetProperty("root")).ShouldBe($"{root.Id}({child.Id}({grandchild.Id}()) {rolled.Text("id")}())");
        tree.GetProperty("keys").GetInt32().ShouldBe(4);
        tree.GetProperty("truncated").GetBoolean().ShouldBeFalse();
        var below = (await Stage.Master.GetAsync($"/v1/api-keys/{child.Id}/tree")).ShouldBe(200).Data;
        Shape(below.GetProperty("root")).ShouldBe($"{child.Id}({grandchild.Id}())");

        static string Shape(System.Text.Json.JsonElement branch) =>
            $"{branch.GetProperty("key").GetProperty("id").GetString()}({string.Join(' ', branch.GetProperty("children").EnumerateArray().Select(Shape))})";
    }

    [Fact]
    public async Task A_rolled_key_names_those_who_still_call_with_it()
    {
        var key = await Stage.KeyAsync(new { permissions = new[] { "crews:read" } });
        (await Stage.Caller(key.Text, "192.0.2.70").GetAsync("/v1/crews")).ShouldBe(200);
        (await Stage.Master.GetAsync($"/v1/api-keys/{key.Id}")).ShouldBe(200).Data.TryGetProperty("still_used_by", out _).ShouldBeFalse();
        (await Stage.Master.PostAsync($"/v1/api-keys/{key.Id}/roll", new { overlap_seconds = 3600 })).ShouldBe(201);
        (await Stage.Master.GetAsync($"/v1/api-keys/{key.Id}")).ShouldBe(200).Data.GetProperty("still_used_by").GetArrayLength().ShouldBe(0);
        (await Stage.Caller(key.Text, "192.0.2.71").GetAsync("/v1/crews")).ShouldBe(200);
        var users = default(System.Text.Json.JsonElement);
        for (var look = 0; look < 100; look++)
        {
            // A use is marked behind its answer, so it may be a moment later than that.
            users = (await Stage.Master.GetAsync($"/v1/api-keys/{key.Id}")).ShouldBe(200).Data.GetProperty("still_used_by");
            if (users.GetArrayLength() > 0)
            {
                break;
            }

            await Task.Delay(50, Cancel);
        }

        users.GetArrayLength().ShouldBe(1);
        users[0].GetProperty("ip").GetString().ShouldBe("192.0.2.71");
    }

    [Fact]
    public async Task A_mapped_address_on_the_list_of_a_key_means_the_address()
    {
        var key = await Stage.KeyAsync(new { allowed_ips = new[] { "::ffff:192.0.2.0/120" } });
        (await Stage.Caller(key.Text, "192.0.2.9").GetAsync("/v1/me")).ShouldBe(200);
        (await Stage.Caller(key.Text, "::ffff:192.0.2.9").GetAsync("/v1/me")).ShouldBe(200);
        (await Stage.Caller(key.Text, "192.0.3.9").GetAsync("/v1/me")).ShouldBe(403, "ip_not_allowed");
        (await Stage.Master.PostAsync("/v1/api-keys", new { name = "a", mode = "live", permissions = new[] { "models:read" }, allowed_ips = new[] { "010.0.0.1" } }))
            .ShouldBe(400, "invalid_request");
    }

    [Fact]
    public async Task A_key_works_from_its_addresses_only()
    {
        var key = await Stage.KeyAsync(new { allowed_ips = new[] { "192.0.2.0/24", "2001:db8::/32" } });
        (await Stage.Caller(key.Text, "192.0.2.9").GetAsync("/v1/me")).ShouldBe(200);
        (await Stage.Caller(key.Text, "2001:db8:1::5").GetAsync("/v1/me")).ShouldBe(200);
        (await Stage.Caller(key.Text, "192.0.3.9").GetAsync("/v1/me")).ShouldBe(403, "ip_not_allowed");
        (await Stage.Caller(key.Text, "2001:db9::5").GetAsync("/v1/me")).ShouldBe(403, "ip_not_allowed");
        (await Stage.Caller(key.Text, "192.0.2.9, 198.51.100.1").GetAsync("/v1/me")).ShouldBe(403, "ip_not_allowed");
    }

    [Fact]
    public async Task The_rate_of_a_key_has_a_burst_and_shows_in_the_headers()
    {
        for (var attempt = 0; ; attempt++)
        {
            var key = await Stage.KeyAsync(new { rate_limit_per_minute = 10 });
            var answers = new List<ApiAnswer>();
            for (var request = 0; request < 13; request++)
            {
                answers.Add(await key.Caller.GetAsync("/v1/me"));
            }

            if (answers.Select(a => a.Header("X-RateLimit-Reset")).Distinct().Count() > 1 && attempt < 3)
            {
                continue; // The minute ended in between.
            }

            answers.Select(a => a.Status).ShouldBe([.. Enumerable.Repeat(200, 12), 429]);
            answers.Select(a => a.Number("X-RateLimit-Remaining")).ShouldBe([9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0, 0]);
            answers.ShouldAllBe(a => a.Number("X-RateLimit-Limit") == 10 && a.Number("X-RateLimit-Window") == 60);
            var refused = answers[^1].ShouldBe(429, "rate_limit_exceeded");
            refused.Number("Retry-After").ShouldBeInRange(1, 60);
            refused.Error.GetProperty("retry_after").GetInt32().ShouldBe(refused.Number("Retry-After"));
            return;
        }
    }

    [Fact]
    public async Task A_rate_above_the_workspaces_has_no_effect()
    {
        var key = await Stage.KeyAsync(new { rate_limit_per_minute = 5_000_000 });
        (await key.Caller.GetAsync("/v1/me")).ShouldBe(200).Number("X-RateLimit-Limit").ShouldBe(1_000_000);
    }

    [Fact]
    public async Task An_address_without_a_valid_key_gets_300_requests_a_minute()
    {
        for (var attempt = 0; ; attempt++)
        {
            var nobody = Stage.Caller(null);
            var first = (await nobody.GetAsync("/v1/me")).ShouldBe(401);
            var answers = await Task.WhenAll(Enumerable.Range(0, 399).Select(_ => nobody.GetAsync("/v1/me")));
            if (answers.Any(a => a.Header("X-RateLimit-Reset") != first.Header("X-RateLimit-Reset")) && attempt < 3)
            {
                continue; // The minute ended in between.
            }

            first.Number("X-RateLimit-Limit").ShouldBe(300);
            answers.Count(a => a.Status == 401).ShouldBe(359);
            answers.Count(a => a.Status == 429).ShouldBe(40);
            return;
        }
    }

    [Fact]
    public async Task The_use_of_a_key_is_counted_by_endpoint_status_and_address()
    {
        var key = await Stage.KeyAsync(new { permissions = new[] { "crews:read" } });
        (await key.Caller.GetAsync("/v1/crews")).ShouldBe(200);
        (await key.Caller.GetAsync("/v1/crews")).ShouldBe(200);
        (await Stage.Caller(key.Text, "192.0.2.50").GetAsync("/v1/crews")).ShouldBe(200);
        (await key.Caller.GetAsync("/v1/members")).ShouldBe(403);
        var report = (await Stage.Master.GetAsync($"/v1/api-keys/{key.Id}/usage")).ShouldBe(200).Data;
        report.GetProperty("requests").GetInt64().ShouldBe(4);
        string[] fields = ["endpoint", "status", "ip", "requests"];
        var uses = report.GetProperty("uses").EnumerateArray().Select(use => string.Join(' ', fields.Select(f => use.GetProperty(f).ToString().TrimEnd('/'))));
        var own = key.Caller.Address;
        uses.ShouldBe([$"/v1/crews 200 {own} 2", "/v1/crews 200 192.0.2.50 1", $"/v1/members 403 {own} 1"], ignoreOrder: true);
        var read = (await Stage.Master.GetAsync($"/v1/api-keys/{key.Id}")).ShouldBe(200);
        read.Text("last_used_at").ShouldNotBeNull();
        read.Text("last_used_ip").ShouldBeOneOf(key.Caller.Address, "192.0.2.50");
    }

    [Fact]
    public async Task A_key_is_due_for_rotation_90_days_after_it_was_made()
    {
        var made = (await Stage.KeyAsync()).Made;
        made.Data.GetProperty("rotation_due").GetBoolean().ShouldBeFalse();
        var life = made.Data.GetProperty("rotation_due_at").GetDateTimeOffset() - made.Data.GetProperty("created_at").GetDateTimeOffset();
        life.ShouldBe(TimeSpan.FromDays(90));
    }
}
