using Crew.Testing;

namespace Crew.Api.Tests;

public sealed class SqliteKeyLeakTests(SqliteStage stage) : KeyLeakTests(stage);

public sealed class PostgresKeyLeakTests(PostgresStage stage) : KeyLeakTests(stage);

/// <summary>Reports of keys that were found in public: real ones die, and nobody learns from the answer which were real.</summary>
public abstract class KeyLeakTests(ApiStage stage) : ApiTests(stage)
{
    private const string Leaks = "/v1/api-keys/leaks";
    private const string GitHub = "/v1/api-keys/leaks/github";

    [Fact]
    public async Task Keys_that_are_reported_are_revoked_whole_or_amid_others_with_their_children()
    {
        var (bare, buried, untouched) = (await Stage.KeyAsync(), await Stage.KeyAsync(new { environment = "staging" }), await Stage.KeyAsync());
        var child = await Stage.KeyAsync(new { parent_id = bare.Id });
        var foreign = await Stage.KeyAsync(by: Stage.Foreigner);
        var texts = new[] { bare.Text, $"export CREW_KEY=\"{buried.Text}\"\nand {foreign.Text}, too", ForeignKeys.WellFormed(), "nothing" };
        var answer = (await Stage.Caller(null).PostAsync(Leaks, new { keys = texts })).ShouldBe(202);
        answer.Data.GetProperty("received").GetInt32().ShouldBe(4);
        foreach (var dead in new[] { bare, buried, child, foreign })
        {
            (await dead.Caller.GetAsync("/v1/me")).ShouldBe(401, "expired_api_key");
        }

        (await untouched.Caller.GetAsync("/v1/me")).ShouldBe(200);
        foreach (var (by, id) in new[] { (Stage.Master, bare.Id), (Stage.Master, buried.Id), (Stage.Foreigner, foreign.Id) })
        {
            (await by.GetAsync($"/v1/audit-logs?resource_id={id}&event_type=api_key.leaked")).ShouldBe(200).Data[0].GetProperty("reason").GetString().ShouldBe("reported");
            (await by.GetAsync($"/v1/audit-logs?resource_id={id}&event_type=api_key.revoked")).ShouldBe(200).Data.GetArrayLength().ShouldBe(1);
        }
    }

    [Fact]
    public async Task The_answer_is_the_same_for_real_and_invented_keys_and_a_second_report_adds_nothing()
    {
        var key = await Stage.KeyAsync();
        var invented = (await Stage.Caller(null).PostAsync(Leaks, new { keys = new[] { ForeignKeys.WellFormed() } })).ShouldBe(202);
        for (var report = 0; report < 2; report++)
        {
            (await Stage.Caller(null).PostAsync(Leaks, new { keys = new[] { key.Text } })).ShouldBe(202).Body.ShouldBe(invented.Body);
        }

        (await Stage.Master.GetAsync($"/v1/audit-logs?resource_id={key.Id}&event_type=api_key.leaked")).ShouldBe(200).Data.GetArrayLength().ShouldBe(1);
    }

    [Fact]
    public async Task A_report_of_too_much_or_nothing_is_refused()
    {
        var nobody = Stage.Caller(null);
        foreach (var keys in new object?[] { null, Array.Empty<string>(), Enumerable.Repeat("a", 101), new string?[] { null } })
        {
            (await nobody.PostAsync(Leaks, new { keys })).ShouldBe(400, "invalid_request");
        }

        (await nobody.PostAsync(Leaks, new { keys = new[] { new string('a', 20_000), new string('b', 20_000) } })).ShouldBe(413, "body_too_large");
        (await nobody.PostAsync(Leaks, new { keys = new[] { new string('a', 200_000) } })).ShouldBe(413, "body_too_large");
        (await nobody.PostAsync(Leaks, new { keys = new[] { new string('a', 32_768) } })).ShouldBe(202);
        (await nobody.PostAsync(Leaks, new { key = "a" })).ShouldBe(400, "unknown_field");
    }

    [Fact]
    public async Task No_text_of_a_key_that_was_reported_is_written_anywhere()
    {
        var (open, signed, invented) = (await Stage.KeyAsync(), await Stage.KeyAsync(), ForeignKeys.WellFormed());
        (await Stage.Caller(null).PostAsync(Leaks, new { keys = new[] { open.Text, invented, $"twice {open.Text}" } })).ShouldBe(202);
        var (body, headers) = Stage.Scanner.Report([signed.Text]);
        (await Stage.Caller(null).SendAsync("POST", GitHub, body, headers)).ShouldBe(202);
        ByteScan.For(open.Text, signed.Text, invented).Folder(Stage.Server.Root).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_report_that_GitHub_signs_is_taken()
    {
        var key = await Stage.KeyAsync();
        var (body, headers) = Stage.Scanner.Report([key.Text, ForeignKeys.WellFormed()]);
        (await Stage.Caller(null).SendAsync("POST", GitHub, body, headers)).ShouldBe(202).Data.GetProperty("received").GetInt32().ShouldBe(2);
        (await key.Caller.GetAsync("/v1/me")).ShouldBe(401, "expired_api_key");
        var record = (await Stage.Master.GetAsync($"/v1/audit-logs?resource_id={key.Id}&event_type=api_key.leaked")).ShouldBe(200).Data[0];
        record.GetProperty("reason").GetString().ShouldBe("reported_by_github");
    }

    [Fact]
    public async Task A_report_that_GitHub_has_not_signed_changes_nothing()
    {
        var key = await Stage.KeyAsync();
        var (body, headers) = Stage.Scanner.Report([key.Text]);
        var nobody = Stage.Caller(null);
        (await nobody.SendAsync("POST", GitHub, body)).ShouldBe(401, "invalid_signature");
        (await nobody.SendAsync("POST", GitHub, (byte[])[.. body, (byte)' '], headers)).ShouldBe(401, "invalid_signature");
        (await nobody.SendAsync("POST", GitHub, body, headers[0], (headers[1].Name, "MAYCAQACAQA="))).ShouldBe(401, "invalid_signature");
        (await nobody.SendAsync("POST", GitHub, body, ("Github-Public-Key-Identifier", "another"), headers[1])).ShouldBe(401, "invalid_signature");
        (await key.Caller.GetAsync("/v1/me")).ShouldBe(200);
    }

    [Fact]
    public async Task A_signed_report_that_is_no_list_of_matches_is_refused()
    {
        foreach (var body in new[] { "{}", "[]", "[1]", """[{"type":"a"}]""", """[{"token":1}]""", """[{"token":"a","token":"b"}]""", """[{"token":"\ud800"}]""", "[" })
        {
            var signed = Stage.Scanner.Sign(System.Text.Encoding.UTF8.GetBytes(body));
            (await Stage.Caller(null).SendAsync("POST", GitHub, body, signed)).ShouldBe(400, "invalid_json");
        }
    }
}
