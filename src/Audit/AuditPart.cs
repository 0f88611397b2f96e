using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Audit;

/// <summary>The audit log's tables. EF reads two of them as views; nothing here is written by EF.</summary>
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
        model.Entity<AuditLeaf>().HasNoKey().ToView("audit_leaves");
    }
}
