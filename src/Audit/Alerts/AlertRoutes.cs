using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Audit.Alerts;

/// <summary>The alerts of a workspace: list, read, raise, acknowledge.</summary>
internal static class AlertRoutes
{
    private const int MostTitleCharacters = 200;
    private const int MostNoteCharacters = 500;

    internal sealed record Subject(string Type, string Id);

    internal sealed record MailAnswer(string State, int Attempts, DateTimeOffset? SentAt);

    internal sealed record Answer(
        string Id, string Kind, string Severity, string Status, string? Title, string Description, Subject? Subject, string? Country, long Count, DateTimeOffset FirstAt,
        DateTimeOffset LastAt, IReadOnlyList<string> AuditLogIds, MailAnswer Mail, string RaisedBy, DateTimeOffset? AcknowledgedAt, string? AcknowledgedBy, string? Note);

    internal sealed record RaiseRequest(
        [property: Required, Description("What happened, 1 to 200 characters.")] string? Title,
        [property: Description("info, warning (the default) or critical.")] string? Severity,
        [property: Description("The id of what it is about.")] string? SubjectId);

    internal sealed record AcknowledgeRequest([property: Description("What was found or done, at most 500 characters.")] string? Note);

    public static void Map(RouteGroupBuilder alerts)
    {
        alerts.MapGet("/", ListAsync)
            .WithName("Alerts.List")
            .WithSummary("List the alerts of this workspace, newest first.")
            .Takes(new QueryParameter("status", "open or acknowledged."), new QueryParameter("kind", "A kind, as GET /v1/alert-rules lists them."),
                new QueryParameter("subject_id", "What the alert is about."))
            .Requires(CrewSource.None, "alerts:read")
            .WorkspaceLevel();
        alerts.MapGet("/{id}", ReadAsync)
            .WithName("Alerts.Read")
            .WithSummary("Read one alert.")
            .Requires(CrewSource.None, "alerts:read")
            .WorkspaceLevel();
        alerts.MapPost("/", RaiseAsync)
            .WithName("Alerts.Raise")
            .WithSummary("Raise an alert by hand, or from a system of yours. It is mailed as the others are.")
            .WithMetadata(new CreatedRoute())
            .Requires(CrewSource.None, "alerts:write")
            .WorkspaceLevel()
            .Audited("alert.raised")
            .Example("""{"title": "Laptop of the on-call engineer was stolen", "severity": "critical"}""");
        alerts.MapPost("/{id}/acknowledge", AcknowledgeAsync)
            .WithName("Alerts.Acknowledge")
            .WithSummary("Say that somebody has looked at it. What repeats after that is a new alert.")
            .Requires(CrewSource.None, "alerts:write")
            .WorkspaceLevel()
            .Audited("alert.acknowledged")
            .Refuses("version_conflict")
            .Example("""{"note": "It was me, on a train."}""");
    }

    private static async Task<Reply<PageReply<Answer>>> ListAsync(Paging paging, Call call, Store store, CancellationToken cancel)
    {
        var query = call.Http.Request.Query;
        var (status, kind, subject) = (query["status"].ToString(), query["kind"].ToString(), query["subject_id"].ToString());
        var wrong = paging.Fault
            ?? (status is "" or "open" or "acknowledged" ? null : Faults.Invalid("status", "status must be open or acknowledged."))
            ?? (kind.Length == 0 || AlertKind.Find(kind) is not null ? null : AlertRuleRoutes.UnknownKind);
        if (wrong is not null)
        {
            return wrong;
        }

        var page = await store.ReadAsync(call.Tenant, async db =>
        {
            var rows = await db.Set<Alert>().AsNoTracking()
                .Where(a => paging.Cursor == null || string.Compare(a.Id, paging.Cursor) < 0)
                .Where(a => status == "" || (status == "open") == (a.AcknowledgedAt == null))
                .Where(a => (kind == "" || a.Kind == kind) && (subject == "" || a.SubjectId == subject))
                .OrderByDescending(a => a.Id).Take(paging.Limit + 1).ToListAsync(cancel);
            return Page<Alert>.From(rows, paging.Limit, a => Paging.Encode(a.Id));
        }, cancel);
        return new PageReply<Answer>(page.Select(AnswerOf));
    }

    private static async Task<Reply<Answer>> ReadAsync(string id, Call call, Store store, CancellationToken cancel)
    {
        var found = await store.ReadAsync(call.Tenant, db => FindAsync(db, id), cancel);
        return found is null ? Faults.NotFound : Reply<Answer>.Ok(AnswerOf(found), found.Version);
    }

    private static async Task<Reply<Answer>> RaiseAsync(Body<RaiseRequest> body, Call call, Store store, TimeProvider clock, CancellationToken cancel)
    {
        if (body.Fault is { } broken)
        {
            return broken;
        }

        var request = body.Value;
        var wrong = (IsText(request.Title, 1, MostTitleCharacters) ? null : Faults.Invalid("title", $"title must be 1 to {MostTitleCharacters} characters without control characters."))
            ?? (request.Severity is null || AlertKind.Severities.Contains(request.Severity) ? null : Faults.Invalid("severity", "severity must be info, warning or critical."))
            ?? (request.SubjectId is null || IsId(request.SubjectId) ? null : Faults.Invalid("subject_id", "subject_id must be the id of a thing, such as key_…"));
        if (wrong is not null)
        {
            return wrong;
        }

        var raised = await store.ChangeAsync<Alert>(call.Tenant, call.Origin, async db =>
        {
            var now = clock.GetUtcNow();
            var rule = await AlertRules.FindAsync(db, call.Workspace.Id, AlertKind.Manual);
            return AlertDesk.Add(db, new Alert
            {
                Id = Id.New(IdPrefix.Alert, now),
                OrganizationId = call.Workspace.OrganizationId,
                WorkspaceId = call.Workspace.Id,
                Kind = AlertKind.Manual.Name,
                Severity = request.Severity ?? AlertKind.Manual.Severity,
                Title = request.Title,
                SubjectType = request.SubjectId?[..request.SubjectId.IndexOf('_', StringComparison.Ordinal)],
                SubjectId = request.SubjectId,
                RecordIds = [],
                Count = 1,
                FirstAt = now,
                LastAt = now,
                MailState = !rule.IsEnabled || rule.IsMutedAt(now) ? "muted" : "pending",
                MailNextAt = now,
                RaisedBy = call.Caller.Actor.Id,
            });
        }, cancel);
        return raised.Failed(out var fault) ? fault : Reply<Answer>.Created(AnswerOf(raised.Value), raised.Value.Version);
    }

    private static async Task<Reply<Answer>> AcknowledgeAsync(string id, Body<AcknowledgeRequest> body, Call call, Store store, TimeProvider clock, CancellationToken cancel)
    {
        if (body.Fault is { } broken)
        {
            return broken;
        }

        if (body.Value.Note is { } note && !IsText(note, 0, MostNoteCharacters))
        {
            return Faults.Invalid("note", $"note must be at most {MostNoteCharacters} characters without control characters.");
        }

        var done = await store.ChangeAsync<Alert>(call.Tenant, call.Origin, async db =>
        {
            if (await FindAsync(db, id) is not { } alert)
            {
                return Faults.NotFound;
            }

            if (call.CheckVersion(alert.Version) is { } stale)
            {
                return stale;
            }

            if (alert.AcknowledgedAt is null)
            {
                (alert.AcknowledgedAt, alert.AcknowledgedBy, alert.Note, alert.Version) = (clock.GetUtcNow(), call.Caller.Actor.Id, body.Value.Note, alert.Version + 1);
                alert.MailState = alert.MailState == "pending" ? "none" : alert.MailState;
                db.Raise(new Event("alert.acknowledged", new Resource("alert", alert.Id)) { Changes = [new FieldChange("kind", null, alert.Kind)] });
            }

            return alert;
        }, cancel);
        return done.Failed(out var fault) ? fault : Reply<Answer>.Ok(AnswerOf(done.Value), done.Value.Version);
    }

    private static async Task<Alert?> FindAsync(Db db, string id) => Id.IsValid(id, IdPrefix.Alert) ? await db.Set<Alert>().SingleOrDefaultAsync(a => a.Id == id) : null;

    private static bool IsText(string? text, int least, int most) => text is not null && text.Length >= least && text.Length <= most
        && (least == 0 || !string.IsNullOrWhiteSpace(text)) && !text.Any(char.IsControl);

    private static bool IsId(string text) => text.Length <= 64 && text.IndexOf('_', StringComparison.Ordinal) > 0 && text.All(c => char.IsAsciiLetterOrDigit(c) || c == '_');

    private static Answer AnswerOf(Alert alert) => new(
        alert.Id, alert.Kind, alert.Severity, alert.AcknowledgedAt is null ? "open" : "acknowledged", alert.Title, AlertKind.Find(alert.Kind)?.Says ?? "",
        alert.SubjectId is null ? null : new Subject(alert.SubjectType ?? "", alert.SubjectId), alert.Country, alert.Count, alert.FirstAt, alert.LastAt, alert.RecordIds,
        new MailAnswer(alert.MailState, alert.MailAttempts, alert.MailedAt), alert.RaisedBy, alert.AcknowledgedAt, alert.AcknowledgedBy, alert.Note);
}
