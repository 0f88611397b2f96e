using Crew.Kernel;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace Crew.Audit.Tests;

public sealed class FilterTests
{
    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task Each_filter_selects_what_it_names(string dialect)
    {
        await using var bed = await AuditBed.StartAsync(dialect);
        var (key, person) = (bed.ByKey("198.51.100.1"), new Origin(new Actor("user", "user_1") { Email = "a@b" }, "198.51.100.2", null, null));
        var start = bed.Clock.Now;
        var used = await bed.UseAsync(bed.Acme, key);
        bed.Clock.Now = start.AddSeconds(1);
        var denied = await bed.UseAsync(bed.Acme, key, new Event("auth.failed", new Resource("api_key", "key_x")) { Outcome = "denied", Reason = "revoked" });
        bed.Clock.Now = start.AddSeconds(2);
        var crew = Id.New(IdPrefix.Crew, bed.Clock);
        await bed.RaiseAsync(bed.Acme, person, new Event("crew.updated", new Resource("crew", crew)) { CrewId = crew });
        var updated = (await bed.ListAsync(bed.Acme))[0].Id;
        await bed.SequenceAllAsync();

        async Task Selects(AuditFilter filter, params string[] ids) => (await bed.ListAsync(bed.Acme, filter)).Select(r => r.Id).ShouldBe(ids);
        await Selects(new(), updated, denied, used);
        await Selects(new() { EventTypes = ["api_key.used"] }, used);
        await Selects(new() { EventTypes = ["crew.updated", "auth.failed"] }, updated, denied);
        await Selects(new() { ActorId = key.Actor.Id }, denied, used);
        await Selects(new() { ActorId = "user_1" }, updated);
        await Selects(new() { KeyId = key.Actor.Id, EventTypes = ["auth.failed"] }, denied);
        await Selects(new() { ResourceId = "key_x" }, denied);
        await Selects(new() { ResourceId = "POST /v1/chat/completions" }, used);
        await Selects(new() { ResourceId = crew, EventTypes = ["crew.updated"] }, updated);
        await Selects(new() { CrewId = crew }, updated);
        await Selects(new() { Outcome = "denied" }, denied);
        await Selects(new() { RequestId = key.RequestId }, denied, used);
        await Selects(new() { Ip = "198.51.100.2" }, updated);
        await Selects(new() { Ip = "198.51.100.3" });
        await Selects(new() { From = start.AddSeconds(1) }, updated, denied);
        await Selects(new() { To = start.AddSeconds(1) }, used);
        await Selects(new() { From = start.AddSeconds(1), To = start.AddSeconds(2), Outcome = "denied" }, denied);
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task Pages_follow_each_other_without_gap_or_repetition(string dialect)
    {
        await using var bed = await AuditBed.StartAsync(dialect);
        var ids = new List<string>();
        for (var n = 0; n < 23; n++)
        {
            // Several records share a millisecond: ids decide between them.
            bed.Clock.Now = bed.Clock.Now.AddMilliseconds(n % 3 == 0 ? 1 : 0);
            ids.Add(await bed.UseAsync(bed.Acme, bed.ByKey()));
        }

        var seen = new List<string>();
        for (string? after = null; ;)
        {
            var page = await bed.ListAsync(bed.Acme, after: after, most: 5);
            seen.AddRange(page.Select(r => r.Id));
            if (page.Count < 5)
            {
                break;
            }

            after = page[^1].Id;
        }

        seen.ShouldBe(ids.OrderDescending(StringComparer.Ordinal));
    }

    [Fact]
    public void A_group_of_events_is_all_of_its_names() =>
        Parse("?event_type=auth.mfa.*,api_key.used&event_type=sms.sent").Value.EventTypes
            .ShouldBe(["api_key.used", "auth.mfa.disabled", "auth.mfa.enabled", "sms.sent"]);

    [Fact]
    public void An_address_is_compared_in_its_one_form() => Parse("?ip=2001:DB8:0:0::7").Value.Ip.ShouldBe("2001:db8::7");

    [Theory]
    [InlineData("?event_typ=x", "unknown_field", "event_typ")]
    [InlineData("?format=csv", "unknown_field", "format")]
    [InlineData("?event_type=api_key.stolen", "invalid_request", "event_type")]
    [InlineData("?event_type=nothing.*", "invalid_request", "event_type")]
    [InlineData("?event_type=.*", "invalid_request", "event_type")]
    [InlineData("?event_type=", "invalid_request", "event_type")]
    [InlineData("?outcome=ok", "invalid_request", "outcome")]
    [InlineData("?key_id=ws_1", "invalid_request", "key_id")]
    [InlineData("?crew_id=crew_1", "invalid_request", "crew_id")]
    [InlineData("?request_id=", "invalid_request", "request_id")]
    [InlineData("?ip=10.0.0.0/8", "invalid_request", "ip")]
    [InlineData("?from=yesterday", "invalid_request", "from")]
    [InlineData("?to=2026-13-01", "invalid_request", "to")]
    [InlineData("?from=2026-02-02&to=2026-02-01", "invalid_request", "to")]
    [InlineData("?log=installation", "invalid_request", "log")]
    [InlineData("?outcome=denied&outcome=success", "invalid_request", "outcome")]
    [InlineData("?actor_id=a%00b", "invalid_request", "actor_id")]
    public void A_condition_that_cannot_be_meant_is_refused_by_name(string query, string code, string field)
    {
        var fault = Parse(query).Fault.ShouldNotBeNull();
        (fault.Code, fault.Details!["field"]).ShouldBe((code, field));
    }

    private static Outcome<AuditFilter> Parse(string query) => AuditFilter.Parse(new QueryCollection(QueryHelpers.ParseQuery(query)), "limit", "cursor");
}
