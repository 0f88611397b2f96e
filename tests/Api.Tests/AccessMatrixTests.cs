using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Crew.Api.Tests;

public sealed class SqliteAccessMatrixTests(SqliteStage stage) : AccessMatrixTests(stage);

public sealed class PostgresAccessMatrixTests(PostgresStage stage) : AccessMatrixTests(stage);

/// <summary>
/// Every endpoint × everybody who may call it × whose things they name. The endpoints come from the running server, the people and credentials
/// from <see cref="MatrixCast"/>; what each may do is worked out from the tables of roles in this project, not from the server's.
/// </summary>
public abstract partial class AccessMatrixTests(ApiStage stage) : ApiTests(stage)
{
    /// <summary>A body that no endpoint takes: it shows who would be let in, and changes nothing.</summary>
    private const string Nonsense = """{"no_such_field": 1}""";

    /// <summary>How much slower a refusal of somebody else's thing may be than one of nothing, over all calls of somebody: more would tell them apart.</summary>
    private const double TimingFactor = 3;

    private static readonly TimeSpan TimingSlack = TimeSpan.FromMilliseconds(3);

    private IEnumerable<ApiOperation> Closed => Stage.Reference.Operations.Where(o => !o.IsAnonymous);

    private IEnumerable<ApiOperation> WithId => Closed.Where(o => o.HasId);

    [Fact]
    public void Every_endpoint_has_its_row()
    {
        var rows = MatrixRows.All.Keys.ToHashSet(StringComparer.Ordinal);
        var served = Stage.Reference.Operations.Select(o => o.Name).ToHashSet(StringComparer.Ordinal);
        served.Except(rows).ShouldBeEmpty("an endpoint has no row in MatrixRows: say there what its id is of, so that the matrix covers it");
        rows.Except(served).ShouldBeEmpty("a row names an endpoint that is not there any more");
    }

    [Fact]
    public async Task Everybody_may_do_what_their_role_says_and_nothing_else()
    {
        var cast = await MatrixCast.OfAsync(Stage);
        foreach (var actor in cast.Actors.Where(a => a.Expected is not null))
        {
            var me = (await actor.SendAsync("GET", "/v1/me", null)).ShouldBe(200);
            string[] Of(string field) => [.. me.Data.GetProperty(field).EnumerateArray().Select(p => p.GetString()!).Order(StringComparer.Ordinal)];
            Of("permissions").ShouldBe([.. actor.Expected!.Order(StringComparer.Ordinal)], actor.Name);
            Of("organization_permissions").ShouldBe([.. actor.ExpectedAbove.Order(StringComparer.Ordinal)], actor.Name);
        }
    }

    [Fact]
    public async Task Every_endpoint_lets_in_who_has_its_permission_and_refuses_everybody_else()
    {
        var cast = await MatrixCast.OfAsync(Stage);
        var offenders = new List<string>();
        foreach (var actor in cast.Actors)
        {
            foreach (var operation in Closed.Where(o => !MatrixRows.Acts(o)))
            {
                var answer = await actor.SendAsync(operation.Method, operation.At(MatrixRows.MissingId(operation)), operation.HasBody ? Nonsense : null);
                if (Judge(actor, operation, answer) is { } wrong)
                {
                    offenders.Add($"{actor.Name} {answer}: {wrong}");
                }
            }
        }

        string.Join('\n', offenders).ShouldBeEmpty();
    }

    [Fact]
    public async Task Things_of_others_are_like_things_that_do_not_exist_in_status_body_and_time()
    {
        var cast = await MatrixCast.OfAsync(Stage);
        var offenders = new List<string>();
        foreach (var actor in cast.Actors)
        {
            var (own, others) = (new List<double>(), new List<double>());
            foreach (var operation in WithId)
            {
                var missing = await TimedAsync(actor, operation, MatrixRows.MissingId(operation), own);
                foreach (var (whose, things) in cast.ThingsBeyond(actor))
                {
                    if (things.TryGetValue(MatrixRows.All[operation.Name], out var id))
                    {
                        var foreign = await TimedAsync(actor, operation, id, others);
                        if (foreign.Status is >= 200 and < 300 || Shape(foreign, id) != Shape(missing, MatrixRows.MissingId(operation)))
                        {
                            offenders.Add($"{actor.Name} × {whose}: {foreign} {foreign.Body} but nothing is {missing.Status} {missing.Body}");
                        }
                    }
                }
            }

            if (others.Count > 0 && Median(others) > (Median(own) * TimingFactor) + TimingSlack.TotalMilliseconds)
            {
                offenders.Add($"{actor.Name}: others' things take {Median(others):F1} ms, nothing {Median(own):F1} ms");
            }
        }

        string.Join('\n', offenders).ShouldBeEmpty();
    }

    [Fact]
    public async Task No_list_shows_anything_of_others_to_anybody()
    {
        var cast = await MatrixCast.OfAsync(Stage);
        var offenders = new List<string>();
        foreach (var actor in cast.Actors)
        {
            foreach (var operation in Closed.Where(o => o is { Method: "GET", HasId: false }))
            {
                var shown = (await actor.SendAsync("GET", operation.Path, null)).Body;
                offenders.AddRange(cast.ThingsBeyond(actor).SelectMany(t => t.Things.Values).Where(id => id.Length > 20 && shown.Contains(id, StringComparison.Ordinal))
                    .Select(id => $"{actor.Name}: {operation} shows {id}"));
            }
        }

        string.Join('\n', offenders).ShouldBeEmpty();
    }

    [Fact]
    public async Task What_everybody_may_read_of_their_own_is_there()
    {
        var cast = await MatrixCast.OfAsync(Stage);
        var offenders = new List<string>();
        foreach (var actor in cast.Actors.Where(a => a is { SeesWorkspace: true, IsNowhere: false }))
        {
            foreach (var operation in WithId.Where(o => o.Method == "GET" && cast.Own.ContainsKey(MatrixRows.All[o.Name]) && o.Permissions.Any(p => actor.Expected!.Contains(p))
                && MatrixRows.All[o.Name] is not ("gateway/requests" or "sessions" or "alert-rules")))
            {
                var answer = await actor.SendAsync("GET", operation.At(cast.Own[MatrixRows.All[operation.Name]]), null);
                if (answer.Status != 200 && !IsRefusedInside(answer) && !IsSelfOnly(actor, operation))
                {
                    offenders.Add($"{actor.Name} {answer} {answer.Body}");
                }
            }
        }

        string.Join('\n', offenders).ShouldBeEmpty();
    }

    /// <summary>Why an answer is not what the rights of somebody say; null when it is.</summary>
    private static string? Judge(MatrixActor actor, ApiOperation operation, ApiAnswer answer)
    {
        if (actor.IsNowhere)
        {
            return answer.Status == 404 ? null : "does not belong here and should see nothing";
        }

        if (operation.IsWorkspaceLevel && !actor.SeesWorkspace)
        {
            return answer.Status == 404 ? null : "is bound and should not see what belongs to the workspace";
        }

        var required = answer.Code == "insufficient_permissions" && answer.Error.TryGetProperty("details", out var details) && details.TryGetProperty("required", out var names)
            ? names.GetString()
            : null;
        if (!May(actor, operation))
        {
            return answer.Status == 403 && required == operation.Permissions[0] ? null : $"lacks {string.Join(" and ", operation.Permissions)} and should be refused";
        }

        return answer.Status is 401 or >= 500 || (required == operation.Permissions[0] && !IsRefusedInside(answer)) ? "should be let in" : null;
    }

    private static bool May(MatrixActor actor, ApiOperation operation) =>
        operation.Permissions is ["authenticated"] || operation.Permissions.Any(p => actor.Rights.Contains(p));

    /// <summary>Refused by the handler, for a right at another level or a second one; the route's own was there.</summary>
    private static bool IsRefusedInside(ApiAnswer answer) => answer.Status == 403
        && answer.Error.TryGetProperty("details", out var details) && (details.TryGetProperty("level", out _) || details.TryGetProperty("field", out _));

    /// <summary>Who may reach their own keys only is not shown the workspace's.</summary>
    private static bool IsSelfOnly(MatrixActor actor, ApiOperation operation) =>
        operation.Permissions.Contains("api_keys:self") && !actor.Rights.Contains(operation.Permissions[0]);

    private static async Task<ApiAnswer> TimedAsync(MatrixActor actor, ApiOperation operation, string id, List<double> times)
    {
        var since = Stopwatch.GetTimestamp();
        var answer = await actor.SendAsync(operation.Method, operation.At(id), operation.HasBody ? operation.Example : null);
        times.Add(Stopwatch.GetElapsedTime(since).TotalMilliseconds);
        return answer;
    }

    /// <summary>An answer without what differs from call to call.</summary>
    private static string Shape(ApiAnswer answer, string id) => $"{answer.Status} {RequestId().Replace(answer.Body, "req_").Replace(id, "ID", StringComparison.Ordinal)}";

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    [GeneratedRegex("req_[0-9a-z]{26}")]
    private static partial Regex RequestId();
}
