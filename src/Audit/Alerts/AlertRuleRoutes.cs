using System.ComponentModel;
using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Audit.Alerts;

/// <summary>The kinds of alerts, and what a workspace has changed about them.</summary>
internal static class AlertRuleRoutes
{
    private const int MostThreshold = 1_000;
    private const int MostWindowMinutes = 1_440;

    /// <summary>30 days: a longer silence is a kind that is switched off, and should be said so.</summary>
    private const int MostMutedMinutes = 43_200;

    private const int MostRecipients = 10;

    public static readonly Fault UnknownKind = Faults.Invalid("kind", $"kind must be one of {string.Join(", ", AlertKind.All.Select(k => k.Name))}.");

    internal sealed record Answer(
        string Kind, string Severity, string Description, bool Enabled, int Threshold, int? WindowMinutes, DateTimeOffset? MutedUntil, IReadOnlyList<string> Recipients,
        bool IsDefault);

    internal sealed record Request(
        [property: Description("Whether this kind is raised at all.")] bool? Enabled,
        [property: Description("How often it must happen to one subject within the window, 1 to 1000; for kinds with a window only.")] int? Threshold,
        [property: Description("The window in minutes, 1 to 1440; for kinds with a window only.")] int? WindowMinutes,
        [property: Description("Lists it and mails nothing for so many minutes, at most 43200; 0 ends the silence.")] int? MutedMinutes,
        [property: Description("At most 10 addresses instead of the workspace's Owners; an empty list is the Owners again.")] IReadOnlyList<string>? Recipients);

    public static void Map(RouteGroupBuilder rules)
    {
        rules.MapGet("/", ListAsync)
            .WithName("AlertRules.List")
            .WithSummary("List the kinds of alerts with what they mean, when they are raised here, and whom they are mailed to.")
            .Requires(CrewSource.None, "alerts:read")
            .WorkspaceLevel();
        rules.MapGet("/{kind}", ReadAsync)
            .WithName("AlertRules.Read")
            .WithSummary("Read one kind of alert.")
            .Requires(CrewSource.None, "alerts:read")
            .WorkspaceLevel();
        rules.MapPatch("/{kind}", UpdateAsync)
            .WithName("AlertRules.Update")
            .WithSummary("Change when a kind of alert is raised, mute its mails for a while, or name whom they go to.")
            .Requires(CrewSource.None, "alerts:write")
            .WorkspaceLevel()
            .Audited("alert_rule.updated")
            .Refuses("version_conflict")
            .Example("""{"threshold": 20, "window_minutes": 60}""");
        rules.MapDelete("/{kind}", ResetAsync)
            .WithName("AlertRules.Reset")
            .WithSummary("Put a kind of alert back to its default.")
            .Requires(CrewSource.None, "alerts:write")
            .WorkspaceLevel()
            .Audited("alert_rule.deleted");
    }

    private static async Task<Reply<PageReply<Answer>>> ListAsync(Paging paging, Call call, Store store, AlertRules rules, TimeProvider clock, CancellationToken cancel)
    {
        if (paging.Fault is { } fault)
        {
            return fault;
        }

        var own = await store.ReadAsync(call.Tenant, db => db.Set<AlertRule>().AsNoTracking().ToDictionaryAsync(r => r.Kind, cancel), cancel);
        var kinds = AlertKind.All.OrderBy(k => k.Name, StringComparer.Ordinal).Where(k => paging.Cursor is null || string.CompareOrdinal(k.Name, paging.Cursor) > 0)
            .Take(paging.Limit + 1).ToList();
        return new PageReply<Answer>(Page<AlertKind>.From(kinds, paging.Limit, k => Paging.Encode(k.Name))
            .Select(k => AnswerOf(new EffectiveRule(k, own.GetValueOrDefault(k.Name)), rules, clock.GetUtcNow())));
    }

    private static async Task<Reply<Answer>> ReadAsync(string kind, Call call, Store store, AlertRules rules, TimeProvider clock, CancellationToken cancel)
    {
        if (AlertKind.Find(kind) is not { } known)
        {
            return Faults.NotFound;
        }

        var rule = await store.ReadAsync(call.Tenant, db => AlertRules.FindAsync(db, call.Workspace.Id, known), cancel);
        return Reply<Answer>.Ok(AnswerOf(rule, rules, clock.GetUtcNow()), rule.Own?.Version ?? 0);
    }

    private static async Task<Reply<Answer>> UpdateAsync(
        string kind, Body<Request> body, Call call, Store store, AlertRules rules, TimeProvider clock, CancellationToken cancel)
    {
        if (body.Fault is { } broken)
        {
            return broken;
        }

        if (AlertKind.Find(kind) is not { } known)
        {
            return Faults.NotFound;
        }

        if (Check(body.Value, known) is { } wrong)
        {
            return wrong;
        }

        var changed = await store.ChangeAsync<AlertRule>(call.Tenant, call.Origin, async db =>
        {
            var rule = await db.Set<AlertRule>().SingleOrDefaultAsync(r => r.Kind == kind);
            if (call.CheckVersion(rule?.Version ?? 0) is { } stale)
            {
                return stale;
            }

            if (rule is null)
            {
                rule = new AlertRule { WorkspaceId = call.Workspace.Id, OrganizationId = call.Workspace.OrganizationId, Kind = kind, Version = 0 };
                db.Add(rule);
            }

            Apply(db, rule, body.Value, rules, clock.GetUtcNow());
            return rule;
        }, cancel);
        return changed.Failed(out var fault) ? fault : Reply<Answer>.Ok(AnswerOf(new EffectiveRule(known, changed.Value), rules, clock.GetUtcNow()), changed.Value.Version);
    }

    private static void Apply(Db db, AlertRule rule, Request request, AlertRules rules, DateTimeOffset now)
    {
        var changes = new List<FieldChange>();
        void Note(string field, object? from, object? to)
        {
            if (!Equals(from, to))
            {
                changes.Add(new FieldChange(field, from, to));
            }
        }

        var before = (rule.Enabled, rule.Threshold, rule.WindowMinutes, rule.MutedUntil);
        (rule.Enabled, rule.Threshold, rule.WindowMinutes) = (request.Enabled ?? rule.Enabled, request.Threshold ?? rule.Threshold, request.WindowMinutes ?? rule.WindowMinutes);
        rule.MutedUntil = request.MutedMinutes switch { null => rule.MutedUntil, 0 => null, { } minutes => now.AddMinutes(minutes) };
        Note("enabled", before.Enabled, rule.Enabled);
        Note("threshold", before.Threshold, rule.Threshold);
        Note("window_minutes", before.WindowMinutes, rule.WindowMinutes);
        Note("muted_until", before.MutedUntil is { } was ? Timestamp.ToText(was) : null, rule.MutedUntil is { } until ? Timestamp.ToText(until) : null);
        if (request.Recipients is { } recipients)
        {
            // Addresses are personal: the record says how many there are.
            Note("recipients", rules.RecipientsOf(rule).Count, recipients.Count);
            rule.RecipientsSealed = rules.Seal(rule.WorkspaceId, rule.Kind, recipients);
        }

        rule.Version++;
        db.Raise(new Event("alert_rule.updated", new Resource("alert_rule", rule.Kind)) { Changes = changes });
    }

    private static async Task<Reply<Answer>> ResetAsync(string kind, Call call, Store store, AlertRules rules, TimeProvider clock, CancellationToken cancel)
    {
        if (AlertKind.Find(kind) is not { } known)
        {
            return Faults.NotFound;
        }

        var reset = await store.ChangeAsync<bool>(call.Tenant, call.Origin, async db =>
        {
            if (await db.Set<AlertRule>().SingleOrDefaultAsync(r => r.Kind == kind) is { } rule)
            {
                db.Remove(rule);
                db.Raise(new Event("alert_rule.deleted", new Resource("alert_rule", kind)));
            }

            return true;
        }, cancel);
        return reset.Failed(out var fault) ? fault : AnswerOf(new EffectiveRule(known, null), rules, clock.GetUtcNow());
    }

    private static Fault? Check(Request request, AlertKind kind) =>
        request.Threshold is not null && kind.WindowMinutes is null ? Faults.Invalid("threshold", "This kind is raised at the first sight, so it has no threshold.")
        : request.WindowMinutes is not null && kind.WindowMinutes is null ? Faults.Invalid("window_minutes", "This kind is raised at the first sight, so it has no window.")
        : request.Threshold is < 1 or > MostThreshold ? Faults.Invalid("threshold", $"threshold must be from 1 to {MostThreshold}.")
        : request.WindowMinutes is < 1 or > MostWindowMinutes ? Faults.Invalid("window_minutes", $"window_minutes must be from 1 to {MostWindowMinutes}.")
        : request.MutedMinutes is < 0 or > MostMutedMinutes ? Faults.Invalid("muted_minutes", $"muted_minutes must be from 0 to {MostMutedMinutes} (30 days).")
        : request.Recipients is { } to && (to.Count > MostRecipients || to.Any(r => !IsAddress(r)))
            ? Faults.Invalid("recipients", $"recipients must be a list of at most {MostRecipients} e-mail addresses such as name@example.com.")
        : null;

    private static bool IsAddress(string? text) => text is { Length: > 2 and <= 254 } && text.All(c => c is > ' ' and <= '~' and not ('<' or '>' or ',' or ';' or '"'))
        && text.Split('@') is [{ Length: > 0 }, { Length: > 0 }];

    private static Answer AnswerOf(EffectiveRule rule, AlertRules rules, DateTimeOffset now) => new(
        rule.Kind.Name, rule.Kind.Severity, rule.Kind.Says, rule.IsEnabled, rule.Threshold, rule.WindowMinutes,
        rule.IsMutedAt(now) ? rule.Own!.MutedUntil : null, rules.RecipientsOf(rule.Own), rule.Own is null);
}
