using Crew.Gateway.Contracts;
using Crew.Kernel;
using Crew.Keys.Contracts;
using Crew.Storage;

namespace Crew.Host.Import;

/// <summary>What an import made, or would make.</summary>
internal sealed record ImportReport(
    bool IsDryRun, IReadOnlyList<string> Providers, IReadOnlyList<string> Models, IReadOnlyList<MintedKey> Keys, IReadOnlyList<LeftBehind> Left);

/// <summary>Carries a plan out in one transaction: all of it is there afterwards, or nothing. A dry run goes the same way and takes it back.</summary>
internal sealed class ImportRun(Store store, CatalogueImport catalogue, KeyImport keys)
{
    private static readonly Fault _takenBack = Faults.Invalid("--dry-run", "A dry run leaves nothing behind.");

    public async Task<Outcome<ImportReport>> RunAsync(ImportPlan plan, Tenant place, bool isDryRun, CancellationToken cancel)
    {
        ImportReport? report = null;
        var done = await store.ChangeAsync<bool>(SystemJob.OperatorCommand, Installation.Operator, async db =>
        {
            var left = new List<LeftBehind>(plan.Left);
            void Leave(string what, string why) => left.Add(new LeftBehind(what, why));
            var models = await catalogue.AddAsync(db, place.OrganizationId, plan.Providers, plan.Models, Leave);
            var minted = await keys.AddAsync(db, place, plan.Keys, Installation.Operator.Actor.Id, Leave);
            var used = plan.Models.Where(m => models.Contains(m.Id)).SelectMany(m => m.Targets).Select(t => plan.Providers[t.Provider].Name).Distinct();
            report = new ImportReport(isDryRun, [.. used], models, minted, left);
            db.Raise(new Event("operator.imported", new Resource("workspace", place.WorkspaceId!, null)) { Log = EventLog.Installation });
            return isDryRun ? _takenBack : true;
        }, cancel);
        return report is not null && (done.Fault is null || done.Fault == _takenBack) ? report : done.Fault!;
    }
}
