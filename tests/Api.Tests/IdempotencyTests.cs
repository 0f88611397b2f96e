namespace Crew.Api.Tests;

public sealed class SqliteIdempotencyTests(SqliteStage stage) : IdempotencyTests(stage);

public sealed class PostgresIdempotencyTests(PostgresStage stage) : IdempotencyTests(stage);

/// <summary>A POST with an Idempotency-Key is carried out once.</summary>
public abstract class IdempotencyTests(ApiStage stage) : ApiTests(stage)
{
    private static (string, string) NewKey => ("Idempotency-Key", $"test-{Random.Shared.NextInt64():x}");

    [Fact]
    public async Task The_same_request_is_answered_from_memory_and_carried_out_once()
    {
        var (once, body) = (NewKey, new { name = $"once {Random.Shared.NextInt64():x}", environment = "staging" });
        var first = (await Stage.Master.PostAsync("/v1/crews", body, once)).ShouldBe(201);
        var second = (await Stage.Master.PostAsync("/v1/crews", body, once)).ShouldBe(201);
        second.Body.ShouldBe(first.Body);
        second.Header("Idempotency-Replayed").ShouldBe("true");
        first.Header("Idempotency-Replayed").ShouldBeNull();
        second.Header("X-Request-Id").ShouldNotBe(first.Header("X-Request-Id"));
        (await Stage.Master.GetAsync("/v1/crews?limit=100")).Body.Split(body.name).Length.ShouldBe(2);
    }

    [Fact]
    public async Task Another_body_under_the_same_key_is_a_conflict()
    {
        var once = NewKey;
        (await Stage.Master.PostAsync("/v1/crews", new { name = "a", environment = "staging" }, once)).ShouldBe(201);
        (await Stage.Master.PostAsync("/v1/crews", new { name = "b", environment = "staging" }, once)).ShouldBe(409, "idempotency_conflict");
    }

    [Fact]
    public async Task An_answer_with_a_secret_is_not_kept_and_the_replay_names_what_was_made()
    {
        var (once, body) = (NewKey, new { name = "secret", mode = "live", permissions = new[] { "models:read" } });
        var made = (await Stage.Master.PostAsync("/v1/api-keys", body, once)).ShouldBe(201);
        var replay = (await Stage.Master.PostAsync("/v1/api-keys", body, once)).ShouldBe(409, "already_created");
        replay.Error.GetProperty("details").GetProperty("id").GetString().ShouldBe(made.Text("id"));
        replay.Body.ShouldNotContain(made.Text("key"));
    }

    [Fact]
    public async Task Twins_at_the_same_time_make_one_thing()
    {
        // Several times: the twins must meet in every phase of the first one's way.
        for (var round = 0; round < 15; round++)
        {
            await MakeTwinsAsync();
        }
    }

    private async Task MakeTwinsAsync()
    {
        var (once, body) = (NewKey, new { name = $"twin {Random.Shared.NextInt64():x}", environment = "staging" });
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Stage.Master.PostAsync("/v1/crews", body, once)));
        answers.ShouldAllBe(a => a.Status == 201 || a.Code == "idempotency_in_progress", string.Join('\n', answers.Select(a => a.Body)));
        answers.Where(a => a.Status == 409).ShouldAllBe(a => a.Header("Retry-After") != null);
        answers.Count(a => a.Status == 201 && a.Header("Idempotency-Replayed") is null).ShouldBe(1);
        (await Stage.Master.GetAsync("/v1/crews?limit=100")).Body.Split(body.name).Length.ShouldBe(2);
        (await Stage.Master.PostAsync("/v1/crews", body, once)).ShouldBe(201).Header("Idempotency-Replayed").ShouldBe("true");
    }

    /// <summary>What the header is for: who got no answer asks again, and neither loses the thing nor makes it twice.</summary>
    [Fact]
    public async Task Who_leaves_without_an_answer_may_ask_again()
    {
        for (var attempt = 0; attempt < 40; attempt++)
        {
            var (once, name) = (NewKey, $"left {Random.Shared.NextInt64():x}");
            var body = $$"""{"name":"{{name}}","environment":"staging"}""";
            using (var socket = new System.Net.Sockets.TcpClient("127.0.0.1", Stage.Server.Port))
            {
                socket.LingerState = new System.Net.Sockets.LingerOption(true, 0);
                await socket.GetStream().WriteAsync(System.Text.Encoding.ASCII.GetBytes(
                    $"POST /v1/crews HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {Stage.WorkspaceMaster}\r\nContent-Type: application/json\r\n"
                    + $"{once.Item1}: {once.Item2}\r\nContent-Length: {body.Length}\r\n\r\n{body}"), Cancel);
                await Task.Delay(attempt % 8, Cancel);
            }

            var answer = await Stage.Master.PostAsync("/v1/crews", body, once);
            for (var tries = 0; answer.Code == "idempotency_in_progress" && tries < 100; tries++)
            {
                await Task.Delay(20, Cancel);
                answer = await Stage.Master.PostAsync("/v1/crews", body, once);
            }

            (answer.Status == 201 || answer.Code == "already_created").ShouldBeTrue(answer.Body);
        }
    }

    [Fact]
    public async Task A_refused_request_leaves_its_key_free_for_a_mended_one()
    {
        var once = NewKey;
        (await Stage.Master.PostAsync("/v1/crews", new { name = "", environment = "staging" }, once)).ShouldBe(400);
        (await Stage.Master.PostAsync("/v1/crews", new { name = "mended", environment = "staging" }, once)).ShouldBe(201);
    }

    [Fact]
    public async Task Keys_of_different_principals_paths_and_workspaces_do_not_meet()
    {
        var (once, body) = (NewKey, new { name = "mine", environment = "staging" });
        var first = (await Stage.Master.PostAsync("/v1/crews", body, once)).ShouldBe(201);
        var second = (await Stage.Account.PostAsync("/v1/crews", body, once)).ShouldBe(201);
        var third = (await Stage.Account.PostAsync("/v1/crews", body, once, ("X-Crew-Workspace", Stage.SecondWorkspaceId))).ShouldBe(201);
        new[] { first, second, third }.Select(a => a.Text("id")).ShouldBeUnique();
    }

    [Fact]
    public async Task The_permission_is_checked_again_before_a_replay()
    {
        var (once, body) = (NewKey, new { name = "again", mode = "live", permissions = new[] { "api_keys:write" } });
        var maker = await Stage.KeyAsync(new { permissions = new[] { "api_keys:write", "models:read" } });
        (await maker.Caller.PostAsync("/v1/api-keys", body, once)).ShouldBe(201);
        (await Stage.Master.PatchAsync($"/v1/api-keys/{maker.Id}", new { permissions = new[] { "models:read" } })).ShouldBe(200);
        (await maker.Caller.PostAsync("/v1/api-keys", body, once)).ShouldBe(403, "insufficient_permissions");
    }

    [Theory]
    [InlineData("with space")]
    [InlineData("")]
    public async Task A_key_that_is_not_printable_ASCII_is_refused(string value) =>
        (await Stage.Master.PostAsync("/v1/crews", new { name = "a", environment = "staging" }, ("Idempotency-Key", value))).ShouldBe(400);

    [Fact]
    public async Task A_key_of_more_than_255_characters_is_refused() =>
        (await Stage.Master.PostAsync("/v1/crews", new { name = "a", environment = "staging" }, ("Idempotency-Key", new string('k', 256))))
            .ShouldBe(400, "invalid_request");
}
