using Crew.Kernel;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Audit.Tests;

internal static class PartitionProbe
{
    public static Task<int> CountAsync(Store store) => store.ReadAsync(SystemJob.Expiry, async db =>
        (await db.Database.SqlQueryRaw<int>("SELECT count(*)::int AS \"Value\" FROM pg_inherits WHERE inhparent = 'audit_records'::regclass").ToListAsync()).Single());

    /// <summary>A run in which every workspace of the bed keeps things for the default time, unless terms are given.</summary>
    public static ExpiryRun Run(this AuditBed bed, params IReadOnlyList<RetentionTerms> terms) => new(
        bed.Store, null, terms.Count > 0 ? terms : [.. new[] { bed.Acme, bed.Neighbour, bed.Other }.Select(t => new RetentionTerms(t, 30, 365, 365))], bed.Clock.Now);

    /// <summary>Removes what is over and writes the receipts; the answer is how many records went.</summary>
    public static async Task<long> ExpireAsync(this AuditBed bed, params IReadOnlyList<RetentionTerms> terms)
    {
        var run = bed.Run(terms);
        await new AuditExpiry(new Contracts.AuditOptions()).RunAsync(run, CancellationToken.None);
        await run.ReportAsync(CancellationToken.None);
        return run.Removed;
    }
}
