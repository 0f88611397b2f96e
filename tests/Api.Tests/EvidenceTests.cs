namespace Crew.Api.Tests;

/// <summary>Collections that run alone run after all others, so these see what the whole run has shown.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class AfterAllOthers
{
    public const string Name = "after all others";
}

[Collection(AfterAllOthers.Name)]
public sealed class SqliteEvidenceTests(SqliteStage stage) : EvidenceTests(stage);

[Collection(AfterAllOthers.Name)]
public sealed class PostgresEvidenceTests(PostgresStage stage) : EvidenceTests(stage);

/// <summary>
/// No endpoint without its tests: for each route of the running server some test must have seen it work, and refuse whoever has no
/// credential, lacks the permission, sends nonsense, or names what is not there. Judged by answers that tests have held against
/// what they expected in this run, not by the names of tests.
/// </summary>
public abstract class EvidenceTests(ApiStage stage) : ApiTests(stage)
{
    [Fact]
    public void Every_endpoint_has_been_seen_to_work_and_to_refuse()
    {
        Assert.SkipWhen(Environment.GetCommandLineArgs().Any(a => a.StartsWith("--filter", StringComparison.Ordinal)), "Only the whole run shows everything.");
        var evidence = Stage.Evidence.By(Stage.Reference);
        var missing = Stage.Reference.Operations.SelectMany(o => Missing(o, [.. evidence[o]]).Select(what => $"{o}: {what}")).ToList();
        Assert.True(missing.Count == 0, $"""
            {missing.Count} things about endpoints were shown by no test of this project:
            {string.Join('\n', missing)}
            """);
    }

    [Fact]
    public void An_endpoint_that_no_test_has_called_lacks_everything() =>
        Missing(Stage.Reference.Operations.Single(o => o.Name == "PATCH /v1/api-keys/{id}"), []).Count().ShouldBe(5);

    [Fact]
    public void An_answer_that_only_a_walk_has_seen_does_not_show_that_an_endpoint_works()
    {
        var operation = Stage.Reference.Operations.Single(o => o.Name == "GET /v1/crews");
        var walked = new Shown(new ApiCall("GET", "/v1/crews", true), 200, "", typeof(SqliteIsolationTests));
        Missing(operation, [walked]).ShouldContain(what => what.Contains("work"));
        Missing(operation, [walked with { Test = typeof(SqliteKeyLifeTests) }]).ShouldNotContain(what => what.Contains("work"));
    }

    private static IEnumerable<string> Missing(ApiOperation operation, IReadOnlyCollection<Shown> shown)
    {
        if (!shown.Any(s => s.Status is >= 200 and < 300 && s.Test is { } test && !IsWalk(test)))
        {
            yield return "no test outside the walks over all endpoints has seen it work (2xx)";
        }

        if (!operation.IsAnonymous && !shown.Any(s => s.Status == 401 && !s.Call.HasKey))
        {
            yield return "no test has seen it refuse a call without a credential (401)";
        }

        if (operation.Permissions is not (["anonymous"] or ["authenticated"]) && !shown.Any(s => s is { Status: 403, Code: "insufficient_permissions" }))
        {
            yield return "no test has seen it refuse a key without its permission (403)";
        }

        if (operation.HasStrictBody && !shown.Any(s => s.Status == 400))
        {
            yield return "no test has seen it refuse a wrong body (400)";
        }

        if (operation.HasId && !shown.Any(s => s.Status == 404))
        {
            yield return "no test has seen it answer 404 for what is not there";
        }
    }

    /// <summary>Walks call every endpoint alike, and see that it refuses, not that it does what it is for.</summary>
    private static bool IsWalk(Type test) =>
        test.IsAssignableTo(typeof(RefusalTests)) || test.IsAssignableTo(typeof(IsolationTests)) || test.IsAssignableTo(typeof(BadInputTests))
        || test.IsAssignableTo(typeof(AccessMatrixTests)) || test.IsAssignableTo(typeof(MintingTests));
}
