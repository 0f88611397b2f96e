using System.Text.RegularExpressions;
using Crew.Kernel;
using Crew.Spend.Contracts;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Spend.Tests;

/// <summary>Rows of the ledger go when their time is over; what they came to stays, to the nano-dollar.</summary>
public sealed class UsageExpiryTests
{
    private static readonly string[] Questions =
    [
        "", "group_by=day", "group_by=key,model", "group_by=key,model,crew,user,day", "group_by=provider,day", "group_by=crew&model=m1", "group_by=user&key_id=key_2",
        "crew_id=crew_1", "user_id=user_0&group_by=day", "provider_id=prov_1&group_by=model", "outcome=success&group_by=key", "provenance=lost",
        "status=500&group_by=day", "ip=203.0.113.9",
    ];

    private static DateTimeOffset Today => new(DateTimeOffset.UtcNow.Date, TimeSpan.Zero);

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task Usage_over_a_year_is_the_same_before_and_after_its_rows_are_gone(string dialect)
    {
        await using var app = await SpendApp.StartAsync(dialect);
        var random = new Random(3);
        var rows = Enumerable.Range(0, 400).SelectMany(_ => Request(random, app.Organization.OrganizationId, app.WorkspaceId)).ToArray();
        await AppendAsync(app, rows);
        var before = await AskAsync(app);
        before[0].ShouldContain("\"requests\":400");

        var old = rows.Count(r => r.At < Today.AddDays(-30));
        var run = await ExpireAsync(app, new RetentionTerms(new Tenant(app.Organization.OrganizationId, app.WorkspaceId), 30, 365, 365));
        run.Removed.ShouldBe(old);
        (await RowsAsync(app)).Count.ShouldBe(rows.Length - old);
        (await AskAsync(app)).ShouldBe(before);
        (await ReceiptsAsync(app)).ShouldHaveSingleItem().ShouldContain($$"""{"field":"requests.removed","from":null,"to":{{old}}}""");

        (await ExpireAsync(app, new RetentionTerms(new Tenant(app.Organization.OrganizationId, app.WorkspaceId), 30, 365, 365))).Removed.ShouldBe(0);
        (await AskAsync(app)).ShouldBe(before, "a second run changes nothing");
        (await ReceiptsAsync(app)).Count.ShouldBe(1);
        (await app.Store.ReadAsync(SystemJob.Expiry, db => LedgerFoldRead.MismatchesAsync(db, dialect == "sqlite", DateTimeOffset.UnixEpoch, null, default))).ShouldBeEmpty();
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task Rows_and_sums_stay_as_long_as_their_workspace_says(string dialect)
    {
        await using var app = await SpendApp.StartAsync(dialect);
        var (mine, other) = (new Tenant(app.Organization.OrganizationId, app.WorkspaceId), new Tenant(app.Organization.OrganizationId, "ws_other"));
        var random = new Random(4);
        foreach (var age in new[] { 40, 20, 5, 0 })
        {
            await AppendAsync(app, [.. new[] { mine, other }.SelectMany(t => Request(random, t.OrganizationId, t.WorkspaceId!, age))]);
        }

        await ExpireAsync(app, new RetentionTerms(mine, 7, 365, 15), new RetentionTerms(other, 3_650, 365, 365));
        var left = (await RowsAsync(app)).ToLookup(r => r.WorkspaceId, r => r.At / 86_400_000);
        left[mine.WorkspaceId!].Distinct().Count().ShouldBe(2);
        left[other.WorkspaceId!].Distinct().Count().ShouldBe(4);
        (await app.Store.ReadAsync(SystemJob.Expiry, db => db.Set<UsageDay>().Select(d => new { d.WorkspaceId, d.Day }).Distinct().CountAsync()))
            .ShouldBe(0, "the sums of 40 and 20 days ago have passed call_metadata_days, too, and the other workspace has none yet");
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task A_row_that_comes_late_is_added_to_the_sums_of_its_day(string dialect)
    {
        await using var app = await SpendApp.StartAsync(dialect);
        var tenant = new Tenant(app.Organization.OrganizationId, app.WorkspaceId);
        var random = new Random(5);
        List<Attempt[]> parts = [.. Enumerable.Range(0, 2).Select(_ => Enumerable.Range(0, 20).SelectMany(_ => Request(random, tenant.OrganizationId, tenant.WorkspaceId!, 40)).ToArray())];
        await AppendAsync(app, parts[0]);
        await ExpireAsync(app, new RetentionTerms(tenant, 30, 365, 365));
        await AppendAsync(app, parts[1]);
        var before = await AskAsync(app);
        before[0].ShouldContain("\"requests\":40");
        before[0].ShouldContain(new NanoUsd(parts.Sum(p => p.Sum(r => r.Cost.Value))).ToString());
        await ExpireAsync(app, new RetentionTerms(tenant, 30, 365, 365));
        (await RowsAsync(app)).ShouldBeEmpty();
        (await AskAsync(app)).ShouldBe(before);
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task What_a_workspace_was_told_it_keeps_is_not_removed_by_a_run_that_began_before(string dialect)
    {
        await using var app = await SpendApp.StartAsync(dialect);
        var tenant = new Tenant(app.Organization.OrganizationId, app.WorkspaceId);
        var rows = Request(new Random(6), tenant.OrganizationId, tenant.WorkspaceId!, 40).ToArray();
        await AppendAsync(app, rows);
        var run = await ExpiryRun.BeginAsync(app.Store, null, app.Workspaces, DateTimeOffset.UtcNow, _ => { }, default);
        await KeepAsync(app, 3_650);

        (await run.StepAsync(tenant, "requests", 0, _ => throw new InvalidOperationException("a step by terms of before"), default)).ShouldBeNull();
        await new UsageExpiry().RunAsync(run, default);
        run.Removed.ShouldBe(0);
        (await RowsAsync(app)).Count.ShouldBe(rows.Length);

        await KeepAsync(app, 7);
        await new UsageExpiry().RunAsync(run, default);
        run.Removed.ShouldBe(rows.Length, "a shorter one is followed as well");
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task A_day_that_cannot_be_summed_up_holds_no_other_day_up(string dialect)
    {
        await using var app = await SpendApp.StartAsync(dialect);
        var tenant = new Tenant(app.Organization.OrganizationId, app.WorkspaceId);
        var random = new Random(7);
        foreach (var age in new[] { 45, 40, 38 })
        {
            await AppendAsync(app, Enumerable.Range(0, 300).SelectMany(_ => Request(random, tenant.OrganizationId, tenant.WorkspaceId!, age)));
        }

        // Two amounts of one cell that no 64-bit sum holds: the oldest rows, so that everything else stands behind them.
        var broken = Request(random, tenant.OrganizationId, tenant.WorkspaceId!, 50).First();
        await AppendAsync(app, Enumerable.Range(1, 2).Select(number => Like(broken, number, long.MaxValue)));
        var failures = 0;
        var run = new ExpiryRun(app.Store, null, [new RetentionTerms(tenant, 30, 365, 365)], DateTimeOffset.UtcNow) { Failed = _ => failures++ };
        await DayPartitions.MakeAsync(run, 7, default);
        await new UsageExpiry().RunAsync(run, default);
        failures.ShouldBeGreaterThan(0);
        (await RowsAsync(app)).Select(r => r.RequestId).ShouldBe([broken.RequestId, broken.RequestId]);
        if (dialect == "postgres")
        {
            (await DayPartitions.BeforeAsync(app.Store, "spend_attempts", RetentionTerms.EndOf(DateTimeOffset.UtcNow, 30), default))
                .ShouldHaveSingleItem("days without rows are gone").ShouldBe(DateOnly.FromDateTime(broken.At.UtcDateTime));
        }
    }

    private static async Task KeepAsync(SpendApp app, int days)
    {
        var kept = await app.Account.SendAsync(HttpMethod.Patch, $"/v1/workspaces/{app.WorkspaceId}", new { settings = new { retention = new { request_days = days } } });
        kept.Status.ShouldBe(200, kept.Text);
    }

    private static Attempt Like(Attempt row, int number, long nano) => new()
    {
        At = row.At,
        OrganizationId = row.OrganizationId,
        WorkspaceId = row.WorkspaceId,
        RequestId = row.RequestId,
        Number = number,
        Model = row.Model,
        Endpoint = row.Endpoint,
        Tokens = row.Tokens,
        Cost = new NanoUsd(nano),
        Provenance = row.Provenance,
        Status = row.Status,
        Outcome = row.Outcome,
        TotalMilliseconds = 1,
    };

    private static async Task AppendAsync(SpendApp app, IEnumerable<Attempt> rows)
    {
        var work = new AppendWork();
        work.Rows.AddRange(rows);
        (await app.Store.Committer.AppendAsync(work)).ShouldBeTrue();
    }

    private static async Task<ExpiryRun> ExpireAsync(SpendApp app, params IReadOnlyList<RetentionTerms> terms)
    {
        var run = new ExpiryRun(app.Store, null, terms, DateTimeOffset.UtcNow);
        await DayPartitions.MakeAsync(run, 7, default);
        await new UsageExpiry().RunAsync(run, default);
        await run.ReportAsync(default);
        return run;
    }

    private static async Task<List<string>> AskAsync(SpendApp app)
    {
        var answers = new List<string>();
        foreach (var question in Questions)
        {
            var answer = await app.Account.GetAsync($"/v1/gateway/usage?from={Today.AddDays(-360):yyyy-MM-dd}&{question}");
            answer.Status.ShouldBe(200, answer.Text);

            // Of a request whose failed attempts stand in several cells the sums know only how often it occurs in each of them.
            var text = question.Contains("lost", StringComparison.Ordinal) || question.Contains("500", StringComparison.Ordinal)
                ? Regex.Replace(answer.Text, "\"requests\":[0-9]+,", "") : answer.Text;
            answers.Add($"{question}: {text}");
        }

        return answers;
    }

    /// <summary>A request of one to three attempts, of which all but the last have failed.</summary>
    private static IEnumerable<Attempt> Request(Random random, string organizationId, string workspaceId, int? age = null)
    {
        var at = Today.AddDays(-(age ?? random.Next(25, 50))).AddMinutes(random.Next(0, 600));
        var (key, user, crew, model, last) = (random.Next(4), random.Next(2), random.Next(3), random.Next(2), random.Next(1, 4));
        var requestId = Id.New(IdPrefix.Request, TimeProvider.System);
        for (var number = 1; number <= last; number++)
        {
            var isLast = number == last;
            yield return new Attempt
            {
                At = at.AddSeconds(number),
                OrganizationId = organizationId,
                WorkspaceId = workspaceId,
                CrewId = crew == 0 ? null : $"crew_{crew}",
                KeyId = key == 0 ? null : $"key_{key}",
                LineageId = key == 0 ? null : $"key_{key}",
                UserId = $"user_{user}",
                RequestId = requestId,
                Number = number,
                Model = $"m{model}",
                ProviderId = $"prov_{number}",
                Endpoint = "/v1/chat/completions",
                Tokens = new Tokens(random.Next(1_000), random.Next(100), random.Next(100), random.Next(1_000), random.Next(50))
                {
                    AudioInput = random.Next(9), AudioOutput = random.Next(9), ImageInput = random.Next(9), ImageOutput = random.Next(9),
                    Images = random.Next(3), Seconds = random.Next(90), Characters = random.Next(900),
                },
                Cost = new NanoUsd(random.NextInt64(1, 1_000_000_000_000)),
                Provenance = isLast ? Provenance.Exact : Provenance.Lost,
                Status = isLast ? 200 : 500,
                Outcome = isLast ? "success" : "upstream_error",
                TotalMilliseconds = 1,
            };
        }
    }

    private static Task<List<AttemptRecord>> RowsAsync(SpendApp app) =>
        app.Store.ReadAsync(SystemJob.Expiry, db => db.Set<AttemptRecord>().AsNoTracking().ToListAsync());

    private static Task<List<string>> ReceiptsAsync(SpendApp app) => app.Store.ReadAsync(SystemJob.Expiry, db =>
        db.Database.SqlQueryRaw<string>("SELECT changes AS \"Value\" FROM audit_records WHERE event_type = 'retention.applied'").ToListAsync());
}
