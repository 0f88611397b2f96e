using Crew.Kernel;
using Crew.Spend.Contracts;

namespace Crew.Spend.Tests;

public sealed class UsageRouteTests
{
    private static readonly DateTimeOffset Noon = new(DateTimeOffset.UtcNow.Date.AddHours(-12), TimeSpan.Zero);

    private static Attempt Row(SpendApp app, string requestId, int number = 1, string? crew = null, string? key = null, string model = "m1",
        DateTimeOffset? at = null, long cost = 1_000, int status = 200) => new()
        {
            At = at ?? Noon,
            OrganizationId = app.Organization.OrganizationId,
            WorkspaceId = app.WorkspaceId,
            CrewId = crew,
            KeyId = key,
            LineageId = key,
            RequestId = requestId,
            Number = number,
            Model = model,
            Endpoint = "/v1/chat/completions",
            IsStream = true,
            Tokens = new Tokens(10, 2, 3, 20, 5) { AudioInput = 1, AudioOutput = 4, ImageInput = 6, ImageOutput = 7, Images = 8, Seconds = 9, Characters = 11 },
            Cost = new NanoUsd(cost),
            Provenance = Provenance.Exact,
            Status = status,
            Outcome = status == 200 ? "success" : "upstream_error",
            FirstByteMilliseconds = 12,
            TotalMilliseconds = 40,
            SealedClient = new ClientTrace("203.0.113.7", "test/1.0").Seal(app.WorkspaceKey, app.WorkspaceId, ClientTrace.HashOf(app.WorkspaceKey, "203.0.113.7")),
            IpHash = ClientTrace.HashOf(app.WorkspaceKey, "203.0.113.7"),
        };

    private static string NewRequest() => Id.New(IdPrefix.Request, TimeProvider.System);

    [Fact]
    public async Task The_sums_come_as_a_file_for_spreadsheets_in_which_no_name_is_a_formula()
    {
        await using var app = await SpendApp.StartAsync("sqlite");
        await app.AppendAsync(Row(app, NewRequest(), model: "=cmd|\"x\"", cost: 7), Row(app, NewRequest(), key: "key_a"));
        var answer = await app.Account.GetAsync("/v1/gateway/usage/export?group_by=model");
        answer.Status.ShouldBe(200);
        answer.Text.Split("\r\n").ShouldBe(
        [
            "\"day\",\"key_id\",\"model\",\"crew_id\",\"user_id\",\"requests\",\"attempts\",\"input_tokens\",\"cache_read_tokens\","
            + "\"cache_write_tokens\",\"output_tokens\",\"reasoning_tokens\",\"cost_usd\",\"provider_id\",\"audio_input_tokens\",\"audio_output_tokens\","
            + "\"image_input_tokens\",\"image_output_tokens\",\"images\",\"audio_seconds\",\"characters\"",
            "\"\",\"\",\"m1\",\"\",\"\",\"1\",\"1\",\"10\",\"2\",\"3\",\"20\",\"5\",\"0.000001000\",\"\",\"1\",\"4\",\"6\",\"7\",\"8\",\"9\",\"11\"",
            "\"\",\"\",\"'=cmd|\"\"x\"\"\",\"\",\"\",\"1\",\"1\",\"10\",\"2\",\"3\",\"20\",\"5\",\"0.000000007\",\"\",\"1\",\"4\",\"6\",\"7\",\"8\",\"9\",\"11\"",
            "",
        ]);
        (await app.Account.GetAsync("/v1/gateway/usage/export?group_by=nothing")).Status.ShouldBe(400);
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task Usage_is_summed_by_any_combination_of_groups(string dialect)
    {
        await using var app = await SpendApp.StartAsync(dialect);
        var (first, second) = (NewRequest(), NewRequest());
        await app.AppendAsync(
            Row(app, first, 1, key: "key_a", status: 500, cost: 0), Row(app, first, 2, key: "key_a"),
            Row(app, second, key: "key_b", model: "m2"), Row(app, NewRequest(), key: "key_b", at: Noon.AddDays(-1), cost: 7));
        var all = (await app.Account.GetAsync("/v1/gateway/usage")).Data.EnumerateArray().ShouldHaveSingleItem();
        all.GetProperty("requests").GetInt64().ShouldBe(3);
        all.GetProperty("attempts").GetInt64().ShouldBe(4);
        all.GetProperty("cost_usd").GetString().ShouldBe("0.000002007");
        all.GetProperty("tokens").GetRawText().ShouldBe(
            """{"input":40,"cache_read":8,"cache_write":12,"output":80,"reasoning":20,"audio_input":4,"audio_output":16,"image_input":24,"image_output":28}""");
        all.GetProperty("units").GetRawText().ShouldBe("""{"images":32,"audio_seconds":36,"characters":44}""");
        all.TryGetProperty("key_id", out _).ShouldBeFalse();
        var byKeyAndDay = (await app.Account.GetAsync("/v1/gateway/usage?group_by=key,day")).Data.EnumerateArray().ToList();
        byKeyAndDay.Select(g => (g.GetProperty("key_id").GetString(), g.GetProperty("day").GetString(), g.GetProperty("requests").GetInt64())).ShouldBe(
        [
            ("key_b", Noon.AddDays(-1).ToString("yyyy-MM-dd"), 1),
            ("key_a", Noon.ToString("yyyy-MM-dd"), 1),
            ("key_b", Noon.ToString("yyyy-MM-dd"), 1),
        ]);
        var byAll = await app.Account.GetAsync($"/v1/gateway/usage?group_by=key,model,crew,user,day&from={Noon:yyyy-MM-dd}&key_id=key_b");
        byAll.Data.EnumerateArray().ShouldHaveSingleItem().GetProperty("model").GetString().ShouldBe("m2");
        (await app.Account.GetAsync("/v1/gateway/usage?group_by=planet")).Details.GetProperty("field").GetString().ShouldBe("group_by");
        (await app.Account.GetAsync("/v1/gateway/usage?from=yesterday")).Details.GetProperty("field").GetString().ShouldBe("from");
        (await app.Account.GetAsync("/v1/gateway/usage?from=2026-02-30")).Details.GetProperty("field").GetString().ShouldBe("from");
        (await app.Account.GetAsync("/v1/gateway/usage?from=2026-11-02&to=2026-11-01")).Details.GetProperty("field").GetString().ShouldBe("to");
        (await app.Account.GetAsync("/v1/gateway/usage?from=2026-11-01T12:00:00+02:00")).Details.GetProperty("field").GetString().ShouldBe("from", "a bare + is a space");
        (await app.Account.GetAsync("/v1/gateway/usage?from=2026-11-01T12:00:00%2B02:00&to=2026-11-01T10:00:01Z")).Status.ShouldBe(200, "10:00 to 10:00:01");
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task Requests_are_listed_newest_first_page_by_page_and_filtered(string dialect)
    {
        await using var app = await SpendApp.StartAsync(dialect);
        var ids = Enumerable.Range(0, 7).Select(_ => NewRequest()).ToList();
        for (var i = 0; i < ids.Count; i++)
        {
            await app.AppendAsync(Row(app, ids[i], at: Noon.AddMilliseconds(i / 2), model: i == 3 ? "m3" : "m1", status: i == 4 ? 502 : 200));
        }

        var seen = new List<string>();
        for (var path = "/v1/gateway/requests?limit=3"; path is not null;)
        {
            var page = await app.Account.GetAsync(path);
            page.Status.ShouldBe(200, page.Text);
            seen.AddRange(page.Data.EnumerateArray().Select(r => r.GetProperty("request_id").GetString()!));
            var next = page.Json.GetProperty("pagination").GetProperty("next_cursor").GetString();
            path = next is null ? null! : $"/v1/gateway/requests?limit=3&cursor={next}";
        }

        seen.ShouldBe(Enumerable.Range(0, 7).OrderByDescending(i => i / 2).ThenByDescending(i => ids[i], StringComparer.Ordinal).Select(i => ids[i]));
        async Task<int> Count(string filter) => (await app.Account.GetAsync($"/v1/gateway/requests?{filter}")).Data.GetArrayLength();
        (await Count("model=m3")).ShouldBe(1);
        (await Count("status=502")).ShouldBe(1);
        (await Count("outcome=success&provenance=exact")).ShouldBe(6);
        (await Count("ip=203.0.113.7")).ShouldBe(7);
        (await Count("ip=203.0.113.8")).ShouldBe(0);
        (await Count($"to={Noon:yyyy-MM-dd'T'HH:mm:ss.fff'Z'}")).ShouldBe(0);
        (await app.Account.GetAsync("/v1/gateway/requests?cursor=abc")).Status.ShouldBe(400);
        (await app.Account.GetAsync("/v1/gateway/requests?status=good")).Status.ShouldBe(400);
    }

    [Fact]
    public async Task One_request_shows_its_attempts_in_order_and_who_called()
    {
        await using var app = await SpendApp.StartAsync();
        var id = NewRequest();
        await app.AppendAsync(Row(app, id, 2), Row(app, id, 1, status: 500, cost: 0));
        var read = (await app.Account.GetAsync($"/v1/gateway/requests/{id}")).Data;
        read.GetProperty("request_id").GetString().ShouldBe(id);
        read.GetProperty("attempts").EnumerateArray().Select(a => a.GetProperty("attempt").GetInt32()).ShouldBe([1, 2]);
        var last = read.GetProperty("attempts")[1];
        last.GetProperty("ip_address").GetString().ShouldBe("203.0.113.7");
        last.GetProperty("user_agent").GetString().ShouldBe("test/1.0");
        last.GetProperty("stream").GetBoolean().ShouldBeTrue();
        last.GetProperty("cost_usd").GetString().ShouldBe("0.000001000");
        (await app.Account.GetAsync($"/v1/gateway/requests/{NewRequest()}")).Status.ShouldBe(404);
        (await app.Account.GetAsync("/v1/gateway/requests/nothing")).Status.ShouldBe(404);
    }

    [Fact]
    public async Task Bound_and_test_credentials_see_the_rows_of_their_crews_and_their_own()
    {
        await using var app = await SpendApp.StartAsync();
        var key = await app.KeyAsync(app.Account, new { name = "dev", permissions = new[] { "usage:read", "api_keys:write" }, environment = "development" });
        var made = await app.KeyAsync(key, new { name = "made", permissions = new[] { "usage:read" }, environment = "development" });
        var (development, production) = (app.Crew(CrewEnvironment.Development), app.Crew(CrewEnvironment.Production));
        var hidden = NewRequest();
        await app.AppendAsync(
            Row(app, NewRequest(), crew: development, key: "key_a"), Row(app, hidden, crew: production, key: "key_a"),
            Row(app, NewRequest(), key: key.Id), Row(app, NewRequest(), key: made.Id), Row(app, NewRequest(), key: "key_a"));
        async Task<long> Requests(TestKey by) => (await by.GetAsync("/v1/gateway/usage")).Data.EnumerateArray().Sum(g => g.GetProperty("requests").GetInt64());
        (await Requests(app.Master)).ShouldBe(5);
        (await Requests(key)).ShouldBe(3);
        (await Requests(app.TestMaster)).ShouldBe(1);
        (await key.GetAsync($"/v1/gateway/requests/{hidden}")).Status.ShouldBe(404);
        (await key.GetAsync("/v1/gateway/requests")).Data.GetArrayLength().ShouldBe(3);
    }
}
