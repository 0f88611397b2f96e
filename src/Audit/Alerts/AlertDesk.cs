using Crew.Audit.Places;
using Crew.Kernel;
using Crew.Sealing;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Audit.Alerts;

/// <summary>
/// Turns the audit log into alerts. It follows the log in commit order behind a mark, so that each record is looked at once, whichever node wrote
/// it and however often this one dies: alerts and mark commit together. Exactly one node does it (<see cref="Duty.Alerts"/>).
/// </summary>
/// <param name="election">Makes sure that no other node is at it; null where there is none (tests).</param>
internal sealed class AlertDesk(Store store, Election? election, PersonalSeal seal, PlaceNames places, Lazy<KeyRing> keys, TimeProvider clock)
{
    public const int StepRecords = 200;

    /// <summary>Records of failures that are added up for one subject.</summary>
    private const int MostFailures = 1_000;

    private bool IsSqlite => store.Dialect == "sqlite";

    /// <summary>Looks at the next records; returns how many there were.</summary>
    public async Task<Outcome<int>> StepAsync(CancellationToken cancel)
    {
        var (mark, records) = await store.ReadAsync(SystemJob.Alerts, async db =>
        {
            var at = await AlertRead.MarkAsync(db, IsSqlite, cancel);
            return (at, await AlertRead.BehindAsync(db, IsSqlite, at, StepRecords, cancel));
        }, cancel);
        if (records.Count == 0)
        {
            return 0;
        }

        var sightings = records.Select(AlertSignal.Of).OfType<AlertSignal>().Select(s => new Sighting(s, PlaceOf(s))).ToList();
        return await ChangeAsync(async db =>
        {
            if (!await AlertAppend.MoveAsync(db, IsSqlite, mark, records[^1]))
            {
                return 0;
            }

            var told = new HashSet<(string, string)>();
            foreach (var sighting in sightings)
            {
                await LookAsync(db, sighting, told);
            }

            return records.Count;
        }, cancel);
    }

    private Task<Outcome<int>> ChangeAsync(Func<Db, Task<Outcome<int>>> work, CancellationToken cancel) => election is null
        ? store.ChangeAsync(SystemJob.Alerts, Origin.System, work, cancel)
        : election.ChangeAsync(Duty.Alerts, SystemJob.Alerts, work, cancel);

    /// <summary>Adds an alert with its event.</summary>
    public static Alert Add(Db db, Alert alert)
    {
        db.Add(alert);
        db.Raise(new Event("alert.raised", new Resource("alert", alert.Id))
        {
            Tenant = new Tenant(alert.OrganizationId, alert.WorkspaceId),
            Changes = [new FieldChange("kind", null, alert.Kind), new FieldChange("severity", null, alert.Severity), new FieldChange("subject_id", null, alert.SubjectId)],
        });
        return alert;
    }

    private (string Hash, string? Country)? PlaceOf(AlertSignal signal) =>
        signal.Kind == AlertKind.UnusualPlace && places.Of(seal.Open(signal.Record)?.Ip) is { } place
        && keys.Value.Current(KeyScope.Workspace, signal.Record.WorkspaceId!) is { } key
            ? (Convert.ToHexStringLower(key.LookupHash("audit_places.place", place.Name)), place.Country)
            : null;

    private async Task LookAsync(Db db, Sighting sighting, HashSet<(string, string)> told)
    {
        var (signal, workspaceId) = (sighting.Signal, sighting.Signal.Record.WorkspaceId!);
        if (signal.Kind == AlertKind.UnusualPlace && !await IsNewPlaceAsync(db, sighting))
        {
            return;
        }

        var rule = await AlertRules.FindAsync(db, workspaceId, signal.Kind);
        if (!rule.IsEnabled)
        {
            return;
        }

        if (signal.Kind != AlertKind.RepeatedFailures)
        {
            await TellAsync(db, sighting, rule, signal.Count);
            return;
        }

        // The log itself is the count: nothing is kept beside it that could be lost or counted twice.
        var failures = await FailuresAsync(db, signal, rule.WindowMinutes ?? 1);
        if (failures >= rule.Threshold && told.Add((workspaceId, signal.SubjectId)))
        {
            await TellAsync(db, sighting, rule, failures);
        }
    }

    /// <summary>Notes where somebody has come from. The first place ever is no news.</summary>
    private static async Task<bool> IsNewPlaceAsync(Db db, Sighting sighting)
    {
        if (sighting.Place is not { } place)
        {
            return false;
        }

        var (record, subject) = (sighting.Signal.Record, sighting.Signal.SubjectId);
        var at = DateTimeOffset.FromUnixTimeMilliseconds(record.At);
        var known = await db.Set<KnownPlace>().Where(p => p.WorkspaceId == record.WorkspaceId && p.SubjectId == subject).ToListAsync();
        known.AddRange(db.Set<KnownPlace>().Local.Where(p => p.WorkspaceId == record.WorkspaceId && p.SubjectId == subject && !known.Contains(p)));
        if (known.Find(p => p.PlaceHash == place.Hash) is { } seen)
        {
            seen.LastAt = at > seen.LastAt ? at : seen.LastAt;
            return false;
        }

        db.Add(new KnownPlace { WorkspaceId = record.WorkspaceId!, SubjectId = subject, PlaceHash = place.Hash, FirstAt = at, LastAt = at });
        return known.Count > 0;
    }

    private static async Task<long> FailuresAsync(Db db, AlertSignal signal, int windowMinutes)
    {
        var (workspaceId, subject, types) = (signal.Record.WorkspaceId, signal.SubjectId, AlertSignal.Failures);
        var from = signal.Record.At - (windowMinutes * 60_000L);
        var rows = await db.Set<AuditRecord>().Where(r => r.WorkspaceId == workspaceId && r.ResourceId == subject && r.At >= from && r.At <= signal.Record.At
            && r.EventType != "api_key.used" && r.EventType != "token.used" && types.Contains(r.EventType)).Take(MostFailures).ToListAsync();
        return rows.Sum(AlertSignal.CountOf);
    }

    private async Task TellAsync(Db db, Sighting sighting, EffectiveRule rule, long count)
    {
        var (signal, record) = (sighting.Signal, sighting.Signal.Record);
        var at = DateTimeOffset.FromUnixTimeMilliseconds(record.At);
        var since = at.AddHours(-Alert.SameHours);
        var (workspaceId, kind, subject) = (record.WorkspaceId, signal.Kind.Name, signal.SubjectId);
        var open = db.Set<Alert>().Local.FirstOrDefault(Same)
            ?? await db.Set<Alert>().Where(a => a.WorkspaceId == workspaceId && a.Kind == kind && a.SubjectId == subject && a.AcknowledgedAt == null && a.LastAt >= since)
                .OrderByDescending(a => a.Id).FirstOrDefaultAsync();
        if (open is not null)
        {
            open.Count = signal.Kind == AlertKind.RepeatedFailures ? Math.Max(open.Count, count) : open.Count + count;
            open.LastAt = at > open.LastAt ? at : open.LastAt;
            open.RecordIds = open.RecordIds.Count < Alert.MostRecords ? [.. open.RecordIds, record.Id] : open.RecordIds;
            open.Version++;
            return;
        }

        var now = clock.GetUtcNow();
        Add(db, new Alert
        {
            Id = Id.New(IdPrefix.Alert, now),
            OrganizationId = record.OrganizationId!,
            WorkspaceId = record.WorkspaceId!,
            Kind = kind,
            Severity = signal.Kind.Severity,
            SubjectType = signal.SubjectType,
            SubjectId = signal.SubjectId,
            Country = sighting.Place?.Country,
            RecordIds = [record.Id],
            Count = count,
            FirstAt = at,
            LastAt = at,
            MailState = rule.IsMutedAt(now) ? "muted" : "pending",
            MailNextAt = now,
            RaisedBy = "system",
        });

        bool Same(Alert a) => a.WorkspaceId == workspaceId && a.Kind == kind && a.SubjectId == subject && a.AcknowledgedAt == null && a.LastAt >= since;
    }

    private sealed record Sighting(AlertSignal Signal, (string Hash, string? Country)? Place);
}
