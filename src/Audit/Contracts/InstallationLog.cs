using Crew.Kernel;
using Crew.Sealing;
using Crew.Storage;

namespace Crew.Audit.Contracts;

/// <summary>
/// The installation's own log, for the command line: what operators did (<c>operator.*</c>) and what concerns no workspace yet.
/// It works with and without a running server on the same database.
/// </summary>
public sealed class InstallationLog(Store store, KeyRing keys, TimeProvider clock)
{
    private readonly PersonalSeal _seal = new(new Lazy<KeyRing>(keys));

    /// <summary>
    /// Records what an operator did outside of a transaction. In a transaction of a system job raise the event with
    /// <see cref="EventLog.Installation"/> instead, so that both commit together.
    /// </summary>
    /// <returns>The id of the record, or <c>storage_unavailable</c>.</returns>
    public Task<Outcome<string>> AppendAsync(Origin origin, Event happened, CancellationToken cancel = default)
    {
        var row = new AuditTrail(_seal, clock).Build(null, origin, happened with { Log = EventLog.Installation }, null);
        return store.ChangeAsync<string>(SystemJob.InstallationLog, Origin.System, db =>
        {
            db.Append(row);
            return Task.FromResult<Outcome<string>>(row.Fields.Id);
        }, cancel);
    }

    /// <summary>One page of the log, newest first. <paramref name="before"/> is the cursor of the page before.</summary>
    /// <param name="limit">1 to 1,000 records.</param>
    public async Task<Page<AuditLog>> ListAsync(int limit = 100, string? before = null, CancellationToken cancel = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, 1_000);
        var filter = new AuditFilter { Log = EventLog.Installation };
        var rows = await new AuditReader(store, _seal).ListAsync(null, filter, before, limit + 1, cancel);
        return Page<AuditLog>.From(rows, limit, static record => record.Id);
    }
}
