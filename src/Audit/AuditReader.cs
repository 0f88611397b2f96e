using System.Text.Json;
using Crew.Audit.Contracts;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Audit;

/// <summary>Reads the log, newest first, within a tenant (or, for the installation's log, as the named system job).</summary>
internal sealed class AuditReader(Store store, PersonalSeal seal)
{
    private static readonly JsonElement NoChanges = JsonElement.Parse("[]");

    /// <summary>Up to <paramref name="most"/> records behind the record <paramref name="after"/> (null begins with the newest).</summary>
    public async Task<IReadOnlyList<AuditLog>> ListAsync(Tenant? tenant, AuditFilter filter, string? after, int most, CancellationToken cancel)
    {
        var rows = await ReadAsync(tenant, db =>
        {
            var records = Behind(Matching(Of(db, tenant, filter), tenant, filter), after);
            return WithSequence(db, records).Take(most).ToListAsync(cancel);
        }, cancel);
        return [.. rows.Select(Show)];
    }

    /// <summary>One record of the workspace's log, or of the organization's where the caller may read that.</summary>
    public async Task<AuditLog?> FindAsync(Tenant tenant, string id, bool organization, CancellationToken cancel)
    {
        if (!RecordId.TryReadTime(id, out var at))
        {
            return null;
        }

        var found = await ReadAsync(tenant, async db =>
        {
            var records = db.Set<AuditRecord>().Where(r => r.At == at && r.Id == id);
            return await WithSequence(db, records.Where(r => r.WorkspaceId == tenant.WorkspaceId)).FirstOrDefaultAsync(cancel)
                ?? (organization
                    ? await WithSequence(db, records.Where(r => r.OrganizationId == tenant.OrganizationId && r.WorkspaceId == null)).FirstOrDefaultAsync(cancel)
                    : null);
        }, cancel);
        return found is null ? null : Show(found);
    }

    /// <summary>
    /// The log itself. Where another condition leads into a narrow index, the log is only excluded, not named: the tenant filter
    /// names it already, and a database without statistics would else choose the log's index and read all of it.
    /// </summary>
    private static IQueryable<AuditRecord> Of(Db db, Tenant? tenant, AuditFilter filter)
    {
        var records = db.Set<AuditRecord>();
        if (tenant is null)
        {
            return records.Where(r => r.OrganizationId == null && r.WorkspaceId == null);
        }

        var narrow = filter.KeyId is not null || filter.RequestId is not null || filter.ActorId is not null
            || (filter.ResourceId is not null && LeavesOutUses(filter));
        return filter.Log == EventLog.Organization ? records.Where(r => r.OrganizationId == tenant.OrganizationId && r.WorkspaceId == null)
            : narrow ? records.Where(r => r.WorkspaceId != null)
            : records.Where(r => r.WorkspaceId == tenant.WorkspaceId);
    }

    private IQueryable<AuditRecord> Matching(IQueryable<AuditRecord> records, Tenant? tenant, AuditFilter filter)
    {
        if (filter.KeyId is { } key)
        {
            records = records.Where(r => r.KeyId == key);
        }

        if (filter.ActorId is { } actor)
        {
            records = Id.IsValid(actor, IdPrefix.ApiKey)
                ? records.Where(r => r.KeyId == actor && r.ActorId == actor)
                : records.Where(r => r.ActorId == actor && r.ActorType != "api_key");
        }

        if (filter.RequestId is { } request)
        {
            records = records.Where(r => r.RequestId == request);
        }

        if (filter.ResourceId is { } resource)
        {
            records = records.Where(r => r.ResourceId == resource);
        }

        if (filter.CrewId is { } crew)
        {
            records = records.Where(r => r.CrewId == crew);
        }

        if (filter.Outcome is { } outcome)
        {
            records = records.Where(r => r.Outcome == outcome);
        }

        if (filter.Ip is { } ip)
        {
            var hashes = seal.HashesOf(filter.Log == EventLog.Installation ? null : tenant?.OrganizationId, filter.Log == EventLog.Workspace ? tenant?.WorkspaceId : null, ip);
            records = records.Where(r => hashes.Contains(r.IpHash!));
        }

        return Within(Typed(records, filter), filter);
    }

    /// <summary>Says in so many words that uses are not meant, so that the indexes without them are chosen.</summary>
    private static IQueryable<AuditRecord> Typed(IQueryable<AuditRecord> records, AuditFilter filter)
    {
        var types = filter.EventTypes;
        if (types.Count > 0)
        {
            records = records.Where(r => types.Contains(r.EventType));
        }

        return LeavesOutUses(filter) ? records.Where(r => r.EventType != "api_key.used" && r.EventType != "token.used") : records;
    }

    /// <summary>Uses name an endpoint (with a space) as their resource; everything else names a thing by its id.</summary>
    private static bool LeavesOutUses(AuditFilter filter) => filter.EventTypes.Count > 0
        ? !filter.EventTypes.Contains("api_key.used") && !filter.EventTypes.Contains("token.used")
        : filter.ResourceId is { } resource && !resource.Contains(' ', StringComparison.Ordinal);

    private static IQueryable<AuditRecord> Within(IQueryable<AuditRecord> records, AuditFilter filter)
    {
        if (filter.From?.ToUnixTimeMilliseconds() is { } from)
        {
            records = records.Where(r => r.At >= from);
        }

        return filter.To?.ToUnixTimeMilliseconds() is { } to ? records.Where(r => r.At < to) : records;
    }

    private static IQueryable<AuditRecord> Behind(IQueryable<AuditRecord> records, string? after) =>
        RecordId.TryReadTime(after, out var at)
            ? records.Where(r => r.At <= at && (r.At < at || string.Compare(r.Id, after) < 0))
            : records;

    private static IQueryable<Row> WithSequence(Db db, IQueryable<AuditRecord> records) =>
        from record in records
        orderby record.At descending, record.Id descending
        select new Row(record, db.Set<AuditLeaf>().Where(l => l.RecordId == record.Id).Select(l => (long?)l.Sequence).FirstOrDefault());

    private Task<T> ReadAsync<T>(Tenant? tenant, Func<Db, Task<T>> work, CancellationToken cancel) =>
        tenant is null ? store.ReadAsync(SystemJob.InstallationLog, work, cancel) : store.ReadAsync(tenant, work, cancel);

    private AuditLog Show(Row row)
    {
        var record = row.Record;
        var personal = seal.Open(record);
        return new AuditLog
        {
            Id = record.Id,
            Timestamp = DateTimeOffset.FromUnixTimeMilliseconds(record.At),
            EventType = record.EventType,
            Actor = new AuditActor(record.ActorType, record.ActorId, personal?.Email, record.ActorLast4),
            WorkspaceId = record.WorkspaceId,
            CrewId = record.CrewId,
            Resource = record.ResourceType is { } type ? new AuditResource(type, record.ResourceId, record.ResourceName) : null,
            Changes = record.Changes is { } changes ? JsonElement.Parse(changes) : NoChanges,
            Outcome = record.Outcome,
            Reason = record.Reason,
            IpAddress = personal?.Ip,
            UserAgent = personal?.UserAgent,
            RequestId = record.RequestId,
            Sequence = row.Sequence,
        };
    }

    private sealed record Row(AuditRecord Record, long? Sequence);
}
