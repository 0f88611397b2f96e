using Crew.Audit.Alerts;
using Crew.Audit.Contracts;
using Crew.Audit.Places;
using Crew.Kernel;
using Crew.Mail;
using Crew.Sealing;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Audit.Tests;

/// <summary>What the log means for people: which records become an alert, once, and for whom.</summary>
public sealed class AlertTests
{
    private const string Session = "sess_1";

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task Each_sight_becomes_one_alert_in_its_own_workspace_and_names_its_record(string dialect)
    {
        await using var bed = await AuditBed.StartAsync(dialect);
        await DrainAsync(bed);
        foreach (var (type, reason) in new[]
        {
            ("token.reused", null), ("api_key.leaked", "reported"), ("api_key.leaked", "key_in_browser"), ("api_key.leaked", "key_in_url"), ("sso.break_glass.used", null),
            ("api_key.awoken", null), ("review.started", null), ("api_key.created", null),
        })
        {
            (await bed.RaiseAsync(bed.Acme, bed.ByKey(), new Event(type, new Resource("thing", $"{type}/{reason}")) { Reason = reason })).Fault.ShouldBeNull();
        }

        await DrainAsync(bed);
        var alerts = await AlertsAsync(bed);
        alerts.Select(a => a.Kind).Order().ShouldBe(["access_review", "break_glass", "key_in_browser", "key_in_url", "leaked_key", "refresh_reuse", "silent_key"]);
        alerts.ShouldAllBe(a => a.WorkspaceId == bed.Acme.WorkspaceId && a.Count == 1 && a.MailState == "pending" && a.RecordIds.Count == 1);
        (await bed.ListAsync(bed.Acme)).Count(r => r.EventType == "alert.raised").ShouldBe(7);
        (await bed.ListAsync(bed.Other)).ShouldBeEmpty();
        (await bed.Store.ReadAsync(bed.Neighbour, db => db.Set<Alert>().CountAsync())).ShouldBe(0);
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task What_repeats_counts_in_the_same_alert_until_somebody_has_looked_and_nothing_is_told_twice(string dialect)
    {
        await using var bed = await AuditBed.StartAsync(dialect);
        var desk = await DrainAsync(bed);
        async Task ReuseAsync() => (await bed.RaiseAsync(bed.Acme, bed.ByKey(), new Event("token.reused", new Resource("token", "tok_1")))).Fault.ShouldBeNull();
        await ReuseAsync();
        await ReuseAsync();
        await DrainAsync(bed);
        await ReuseAsync();
        await DrainAsync(bed);
        (await AlertsAsync(bed)).ShouldHaveSingleItem().Count.ShouldBe(3);
        (await desk.StepAsync(default)).Value.ShouldBeLessThanOrEqualTo(1);
        await bed.RestartAsync();
        await DrainAsync(bed);
        (await AlertsAsync(bed)).ShouldHaveSingleItem().Count.ShouldBe(3);

        (await bed.Store.ChangeAsync<bool>(bed.Acme, bed.ByKey(), async db =>
        {
            (await db.Set<Alert>().SingleAsync()).AcknowledgedAt = bed.Clock.Now;
            return true;
        })).Fault.ShouldBeNull();
        await ReuseAsync();
        await DrainAsync(bed);
        (await AlertsAsync(bed)).Count.ShouldBe(2);
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task Failures_are_added_up_for_one_subject_within_the_window(string dialect)
    {
        await using var bed = await AuditBed.StartAsync(dialect);
        await DrainAsync(bed);
        async Task FailAsync(string user, int times) => (await bed.RaiseAsync(bed.Acme, bed.ByKey(), new Event("auth.login.failure", new Resource("user", user))
        {
            Outcome = "denied",
            Changes = times > 1 ? [new FieldChange("count", null, times)] : [],
        })).Fault.ShouldBeNull();
        await FailAsync("user_ada", 4);
        await FailAsync("user_ada", 5);
        await FailAsync("user_bob", 9);
        await DrainAsync(bed);
        (await AlertsAsync(bed)).ShouldBeEmpty();
        bed.Clock.Now = bed.Clock.Now.AddMinutes(16);
        await FailAsync("user_ada", 1);
        await DrainAsync(bed);
        (await AlertsAsync(bed)).ShouldBeEmpty();
        await FailAsync("user_ada", 9);
        await DrainAsync(bed);
        var alert = (await AlertsAsync(bed)).ShouldHaveSingleItem();
        (alert.Kind, alert.SubjectId, alert.Count).ShouldBe(("repeated_failures", "user_ada", 10));
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task A_sign_in_from_a_new_place_is_told_and_the_first_and_a_known_one_are_not(string dialect)
    {
        await using var bed = await AuditBed.StartAsync(dialect);
        var path = Path.GetTempFileName();
        await File.WriteAllBytesAsync(path, new MaxMindWriter(24, true).Add("203.0.113.0/24", "DE").Add("198.51.100.0/24", "DE").Add("192.0.2.0/24", "NZ").ToBytes());
        var places = new PlaceNames(PlaceFile.Open(path).Value);
        await DrainAsync(bed, places);
        async Task SignInAsync(string user, string ip)
        {
            var origin = new Origin(new Actor("user", user) { Email = "ada@example.com" }, ip, "browser", null);
            (await bed.RaiseAsync(bed.Acme, origin, new Event("auth.login.success", new Resource("session", Session)))).Fault.ShouldBeNull();
            await DrainAsync(bed, places);
        }

        await SignInAsync("user_ada", "203.0.113.7");
        await SignInAsync("user_ada", "198.51.100.200");
        await SignInAsync("user_bob", "192.0.2.1");
        (await AlertsAsync(bed)).ShouldBeEmpty();
        await SignInAsync("user_ada", "192.0.2.9");
        await SignInAsync("user_ada", "192.0.2.10");
        var alert = (await AlertsAsync(bed)).ShouldHaveSingleItem();
        (alert.Kind, alert.SubjectType, alert.SubjectId, alert.Country, alert.Count).ShouldBe(("unusual_place", "user", "user_ada", "NZ", 1));
        await SignInAsync("user_ada", "10.9.8.7");
        (await AlertsAsync(bed)).ShouldHaveSingleItem().Count.ShouldBe(2);
        File.Delete(path);
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task A_rule_switches_a_kind_off_or_keeps_its_mail_back_or_moves_its_threshold(string dialect)
    {
        await using var bed = await AuditBed.StartAsync(dialect);
        await DrainAsync(bed);
        await RuleAsync(bed, "token_nothing", r => r.Enabled = false);
        await RuleAsync(bed, "refresh_reuse", r => r.Enabled = false);
        await RuleAsync(bed, "silent_key", r => r.MutedUntil = bed.Clock.Now.AddMinutes(5));
        await RuleAsync(bed, "repeated_failures", r => r.Threshold = 2);
        foreach (var type in new[] { "token.reused", "api_key.awoken", "auth.failed", "auth.failed" })
        {
            (await bed.RaiseAsync(bed.Acme, bed.ByKey(), new Event(type, new Resource("thing", "thing_1")))).Fault.ShouldBeNull();
        }

        await DrainAsync(bed);
        (await AlertsAsync(bed)).Select(a => (a.Kind, a.MailState)).OrderBy(a => a.Kind).ShouldBe([("repeated_failures", "pending"), ("silent_key", "muted")]);
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task A_mail_that_nobody_takes_is_tried_six_times_and_then_said_to_have_failed(string dialect)
    {
        await using var bed = await AuditBed.StartAsync(dialect);
        await DrainAsync(bed);
        (await bed.RaiseAsync(bed.Acme, bed.ByKey(), new Event("token.reused", new Resource("token", "tok_1")))).Fault.ShouldBeNull();
        await DrainAsync(bed);
        var post = Post(bed, "smtp://127.0.0.1:1?from=crew@example.com", "ada@example.com");
        var tried = 0;
        for (var hour = 0; hour < 48; hour++)
        {
            tried += await post.DeliverAsync(default);
            bed.Clock.Now = bed.Clock.Now.AddHours(1);
        }

        tried.ShouldBe(6);
        (await AlertsAsync(bed)).ShouldHaveSingleItem().MailState.ShouldBe("failed");
    }

    [Fact]
    public async Task Without_a_mail_server_or_anybody_to_write_to_an_alert_is_listed_only()
    {
        await using var bed = await AuditBed.StartAsync("sqlite");
        await DrainAsync(bed);
        (await bed.RaiseAsync(bed.Acme, bed.ByKey(), new Event("token.reused", new Resource("token", "tok_1")))).Fault.ShouldBeNull();
        await DrainAsync(bed);
        await Post(bed, null).DeliverAsync(default);
        (await AlertsAsync(bed)).ShouldHaveSingleItem().MailState.ShouldBe("none");
    }

    [Fact]
    public void A_letter_tells_ids_and_nothing_that_others_may_have_written()
    {
        var alert = new Alert
        {
            Id = "alert_1", OrganizationId = "org_1", WorkspaceId = "ws_1", Kind = "leaked_key", Severity = "critical", SubjectType = "api_key", SubjectId = "key_1", RecordIds = ["log_1"],
            Count = 1, FirstAt = DateTimeOffset.UnixEpoch, LastAt = DateTimeOffset.UnixEpoch, MailState = "pending", RaisedBy = "system",
        };
        var letter = AlertLetter.Of(alert, "ada@example.com", "Acme\r\nBcc: everybody", new Uri("https://crew.example.com"));
        letter.Subject.ShouldBe("[critical] leaked_key in AcmeBcc: everybody");
        letter.Text.ShouldContain("api_key key_1");
        letter.Text.ShouldContain("https://crew.example.com/v1/alerts/alert_1");
    }

    private static AlertPost Post(AuditBed bed, string? smtp, params string[] owners)
    {
        var someone = new Someone(owners);
        var options = new AlertOptions(new Uri("https://crew.example.com"), smtp is null ? null : SmtpSettings.Parse(smtp).Value, null);
        return new AlertPost(bed.Store, null, new AlertRules(new Lazy<KeyRing>(bed.Ring)), someone, new Cast(), options, bed.Clock);
    }

    private static async Task RuleAsync(AuditBed bed, string kind, Action<AlertRule> change) =>
        (await bed.Store.ChangeAsync<bool>(bed.Acme, bed.ByKey(), db =>
        {
            var rule = new AlertRule { WorkspaceId = bed.Acme.WorkspaceId!, OrganizationId = bed.Acme.OrganizationId, Kind = kind };
            change(rule);
            db.Add(rule);
            return Task.FromResult<Outcome<bool>>(true);
        })).Fault.ShouldBeNull();

    private static Task<List<Alert>> AlertsAsync(AuditBed bed) => bed.Store.ReadAsync(SystemJob.Alerts, db => db.Set<Alert>().OrderBy(a => a.Id).ToListAsync());

    /// <summary>Lets the desk read to the end of the log. On PostgreSQL it waits for transactions of other tests, too.</summary>
    private static async Task<AlertDesk> DrainAsync(AuditBed bed, PlaceNames? places = null)
    {
        var desk = new AlertDesk(bed.Store, null, bed.Seal, places ?? new PlaceNames(null), new Lazy<KeyRing>(bed.Ring), bed.Clock);
        var latest = await bed.Store.ReadAsync(SystemJob.Alerts, db => db.Set<AuditRecord>().OrderByDescending(r => r.At).ThenByDescending(r => r.Id).Select(r => r.Id).FirstOrDefaultAsync());
        for (var quiet = 0; latest is not null && quiet < (bed.Store.Dialect == "sqlite" ? 1 : 3);)
        {
            quiet = (await desk.StepAsync(default)).Value == 0 ? quiet + 1 : 0;
            await Task.Delay(bed.Store.Dialect == "sqlite" ? 0 : 50);
        }

        return desk;
    }

    private sealed class Someone(string[] owners) : IWorkspaceOwners
    {
        public Task<IReadOnlyList<string>> EmailsAsync(Tenant place, CancellationToken cancel) => Task.FromResult<IReadOnlyList<string>>(owners);
    }
}
