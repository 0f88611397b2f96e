using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;

namespace Crew.Storage;

/// <summary>The fixed, ordered list of parts. The order is the order in which schemas are applied.</summary>
public sealed class StorageModel(params IReadOnlyList<StoragePart> parts)
{
    public IReadOnlyList<StoragePart> Parts { get; } = [new StorageOwnPart(), .. parts];

    /// <summary>Different part lists in one process (as in tests) get different compiled models.</summary>
    internal sealed class CacheKeyFactory : IModelCacheKeyFactory
    {
        public object Create(DbContext context, bool designTime) => (context.GetType(), ((Db)context).Parts, context.Database.ProviderName, designTime);
    }

    /// <summary>Storage's own tables are read and written by raw commands only.</summary>
    private sealed class StorageOwnPart : StoragePart
    {
        public override string Name => "storage";

        /// <summary>Who leads and who serves, and whether the clock is right, is found out anew where a copy is taken in.</summary>
        public override IReadOnlyList<TransferRule> Transfers =>
        [
            new TransferRule("storage_leaders") { StaysBehind = true }, new TransferRule("storage_nodes") { StaysBehind = true },
            new TransferRule("storage_clock") { StaysBehind = true },
        ];
    }
}
