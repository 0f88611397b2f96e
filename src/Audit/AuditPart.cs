using Crew.Audit.Alerts;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Audit;

/// <summary>The audit log's tables, which EF reads as views and never writes, and those of alerts.</summary>
internal sealed class AuditPart : StoragePart
{
    public override string Name => "audit";

    public override IReadOnlyList<TransferRule> Transfers => AuditTransferSchema.Rules;

    public override void Map(ModelBuilder model)
    {
        model.Entity<AuditRecord>(record =>
        {
            record.HasNoKey().ToView("audit_records");
            record.Ignore(r => r.LogId);
        });
        Alert.Map(model);
        AlertRule.Map(model);
        KnownPlace.Map(model);
        model.Entity<AuditLeaf>().HasNoKey().ToView("audit_leaves");
    }
}
