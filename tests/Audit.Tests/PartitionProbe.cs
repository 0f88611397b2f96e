using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Audit.Tests;

internal static class PartitionProbe
{
    public static Task<int> CountAsync(Store store) => store.ReadAsync(SystemJob.Expiry, async db =>
        (await db.Database.SqlQueryRaw<int>("SELECT count(*)::int AS \"Value\" FROM pg_inherits WHERE inhparent = 'audit_records'::regclass").ToListAsync()).Single());

    public static Upkeep UpkeepOf(this AuditBed bed, Contracts.AuditOptions options) => new(bed.Store, options, bed.Clock);
}
