using System.Net;
using System.Text.Json;
using Crew.Kernel;

namespace Crew.Audit.Tests;

public sealed class RouteTests
{
    [Fact]
    public async Task Records_come_in_the_documented_shape()
    {
        await using var server = await AuditServer.StartAsync();
        (await server.GetAsync("/v1/audit-logs")).StatusCode.ShouldBe(HttpStatusCode.OK);
        var list = await JsonAsync(await server.GetAsync("/v1/audit-logs?limit=1"));
        list.GetProperty("success").GetBoolean().ShouldBeTrue();
        var record = list.GetProperty("data")[0];
        record.EnumerateObject().Select(p => p.Name).ShouldBe(
            ["id", "timestamp", "event_type", "actor", "workspace_id", "crew_id", "resource", "changes", "outcome", "reason", "ip_address", "user_agent", "request_id", "sequence"]);
        record.GetProperty("event_type").GetString().ShouldBe("api_key.used");
        record.GetProperty("actor").GetRawText().ShouldBe($$"""{"type":"api_key","id":"{{server.Cast.KeyId("owner")}}","email":null,"key_last4":"last"}""");
        record.GetProperty("resource").GetRawText().ShouldContain("GET /v1/audit-logs");
        record.GetProperty("ip_address").GetString().ShouldBe("127.0.0.1");
        record.GetProperty("user_agent").GetString().ShouldBe("audit-tests/1.0");

        var id = record.GetProperty("id").GetString();
        var one = await JsonAsync(await server.GetAsync($"/v1/audit-logs/{id}"));
        one.GetProperty("data").GetProperty("id").GetString().ShouldBe(id);
    }

    [Fact]
    public async Task The_sequence_follows_within_moments()
    {
        await using var server = await AuditServer.StartAsync();
        await server.GetAsync("/v1/audit-logs");
        for (var attempt = 0; ; attempt++)
        {
            var data = (await JsonAsync(await server.GetAsync("/v1/audit-logs?to=2100-01-01"))).GetProperty("data");
            if (data[data.GetArrayLength() - 1].GetProperty("sequence") is { ValueKind: JsonValueKind.Number } sequence)
            {
                sequence.GetInt64().ShouldBe(1);
                break;
            }

            attempt.ShouldBeLessThan(200);
            await Task.Delay(25);
        }
    }

    [Fact]
    public async Task Pages_follow_the_cursor()
    {
        await using var server = await AuditServer.StartAsync();
        for (var n = 0; n < 7; n++)
        {
            await server.GetAsync("/v1/audit-logs/log_x", "auditor");
        }

        var path = $"/v1/audit-logs?limit=3&key_id={server.Cast.KeyId("auditor")}";
        var seen = new List<string>();
        for (string? cursor = null; ;)
        {
            var page = await JsonAsync(await server.GetAsync(cursor is null ? path : $"{path}&cursor={cursor}"));
            seen.AddRange(page.GetProperty("data").EnumerateArray().Select(r => r.GetProperty("id").GetString()!));
            var pagination = page.GetProperty("pagination");
            pagination.GetProperty("has_more").GetBoolean().ShouldBe(seen.Count < 7);
            cursor = pagination.GetProperty("next_cursor").GetString();
            if (cursor is null)
            {
                break;
            }
        }

        seen.Count.ShouldBe(7);
        seen.ShouldBe(seen.OrderDescending(StringComparer.Ordinal));
        seen.ShouldBeUnique();
    }

    [Theory]
    [InlineData("/v1/audit-logs", "nobody", 401, "invalid_api_key")]
    [InlineData("/v1/audit-logs", "stranger", 403, "insufficient_permissions")]
    [InlineData("/v1/audit-logs", "test", 404, "not_found")]
    [InlineData("/v1/audit-logs", "bound", 404, "not_found")]
    [InlineData("/v1/audit-logs/export", "stranger", 403, "insufficient_permissions")]
    [InlineData("/v1/audit-logs/export", "test", 404, "not_found")]
    [InlineData("/v1/audit-logs/log_00000000000000000000000000", "stranger", 403, "insufficient_permissions")]
    [InlineData("/v1/audit-logs/log_00000000000000000000000000", "bound", 404, "not_found")]
    [InlineData("/v1/audit-logs/log_00000000000000000000000000", "owner", 404, "not_found")]
    [InlineData("/v1/audit-logs/nonsense", "owner", 404, "not_found")]
    [InlineData("/v1/audit-logs?log=organization", "auditor", 403, "insufficient_permissions")]
    [InlineData("/v1/audit-logs", "above", 403, "insufficient_permissions")]
    [InlineData("/v1/audit-logs/export?log=organization", "auditor", 403, "insufficient_permissions")]
    [InlineData("/v1/audit-logs?event_typ=x", "owner", 400, "unknown_field")]
    [InlineData("/v1/audit-logs?outcome=x", "owner", 400, "invalid_request")]
    [InlineData("/v1/audit-logs?limit=0", "owner", 400, "invalid_request")]
    [InlineData("/v1/audit-logs?cursor=a2V5XzE", "owner", 400, "invalid_request")]
    [InlineData("/v1/audit-logs/export?limit=5", "owner", 400, "unknown_field")]
    [InlineData("/v1/audit-logs/export?format=xlsx", "owner", 400, "invalid_request")]
    public async Task Who_may_not_or_asks_wrongly_is_refused(string path, string key, int status, string code)
    {
        await using var server = await AuditServer.StartAsync();
        var response = await server.GetAsync(path, key);
        ((int)response.StatusCode).ShouldBe(status);
        (await JsonAsync(response)).GetProperty("error").GetProperty("code").GetString().ShouldBe(code);
    }

    [Fact]
    public async Task The_organizations_log_is_read_at_its_own_level()
    {
        await using var server = await AuditServer.StartAsync();
        await server.Store.ChangeAsync<bool>(server.Cast.Tenant, Origin.System, db =>
        {
            db.Raise(new Event("workspace.created") { Log = EventLog.Organization });
            return Task.FromResult<Outcome<bool>>(true);
        });
        var data = (await JsonAsync(await server.GetAsync("/v1/audit-logs?log=organization", "above"))).GetProperty("data");
        data.GetArrayLength().ShouldBe(1);
        var id = data[0].GetProperty("id").GetString();
        (await server.GetAsync($"/v1/audit-logs/{id}", "above")).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await server.GetAsync($"/v1/audit-logs/{id}", "auditor")).StatusCode.ShouldBe(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task An_export_streams_what_the_filters_select_and_is_itself_recorded()
    {
        await using var server = await AuditServer.StartAsync();
        for (var n = 0; n < 4; n++)
        {
            await server.GetAsync("/v1/audit-logs/log_x", "auditor");
        }

        var path = $"/v1/audit-logs/export?key_id={server.Cast.KeyId("auditor")}&event_type=api_key.*";
        var ndjson = await server.GetAsync(path);
        ndjson.Content.Headers.ContentType!.MediaType.ShouldBe("application/x-ndjson");
        ndjson.Content.Headers.ContentDisposition!.ToString().ShouldBe("attachment; filename=\"audit-logs.ndjson\"");
        var lines = (await ndjson.Content.ReadAsStringAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        lines.Length.ShouldBe(4);
        lines.ShouldAllBe(line => JsonElement.Parse(line).GetProperty("event_type").GetString() == "api_key.used");

        var csv = await server.GetAsync(path + "&format=csv");
        csv.Content.Headers.ContentType!.MediaType.ShouldBe("text/csv");
        (await csv.Content.ReadAsStringAsync()).Split("\r\n").Length.ShouldBe(1 + 4 + 1);

        var exports = (await JsonAsync(await server.GetAsync("/v1/audit-logs?event_type=export.created"))).GetProperty("data");
        exports.GetArrayLength().ShouldBe(2);
        exports[0].GetProperty("resource").GetProperty("id").GetString()!.ShouldStartWith("exp_");
        exports[0].GetProperty("changes").GetRawText().ShouldContain("\"to\":\"csv\"");
        exports[0].GetProperty("changes").GetRawText().ShouldContain("[\"event_type\",\"key_id\"]");
        var uses = (await JsonAsync(await server.GetAsync($"/v1/audit-logs?request_id={exports[0].GetProperty("request_id").GetString()}"))).GetProperty("data");
        uses.EnumerateArray().Select(r => r.GetProperty("event_type").GetString()).ShouldBe(["api_key.used", "export.created"], ignoreOrder: true);
    }

    [Fact]
    public async Task An_export_goes_on_over_many_pages()
    {
        await using var server = await AuditServer.StartAsync();
        await server.Store.ChangeAsync<bool>(server.Cast.Tenant, Origin.System, db =>
        {
            for (var n = 0; n < 1_201; n++)
            {
                db.Raise(new Event("crew.updated", new Resource("crew", $"crew_{n}")));
            }

            return Task.FromResult<Outcome<bool>>(true);
        });
        var lines = (await (await server.GetAsync("/v1/audit-logs/export?event_type=crew.updated")).Content.ReadAsStringAsync())
            .Split('\n', StringSplitOptions.RemoveEmptyEntries);
        lines.Select(line => JsonElement.Parse(line).GetProperty("id").GetString()).ToHashSet().Count.ShouldBe(1_201);
    }

    [Fact]
    public async Task Zero_logging_leaves_the_place_out_of_uses()
    {
        await using var server = await AuditServer.StartAsync();
        server.Cast.ZeroLogging = true;
        await server.GetAsync("/v1/audit-logs");
        var record = (await JsonAsync(await server.GetAsync("/v1/audit-logs"))).GetProperty("data")[0];
        record.GetProperty("ip_address").ValueKind.ShouldBe(JsonValueKind.Null);
        record.GetProperty("user_agent").ValueKind.ShouldBe(JsonValueKind.Null);
    }

    private static async Task<JsonElement> JsonAsync(HttpResponseMessage response) => JsonElement.Parse(await response.Content.ReadAsStringAsync());
}
