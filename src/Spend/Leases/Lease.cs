using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Spend;

/// <summary>
/// What one process start has leased of one budget in one window. The sum over a window of the larger of leased and settled never
/// passes the budget's amount, save by debt. Closed, what is leased and not settled is lost until an operator releases it.
/// </summary>
internal sealed class Lease : IShared
{
    public required string Id { get; init; }

    public required string OrganizationId { get; init; }

    public string? WorkspaceId { get; init; }

    public required string BudgetId { get; init; }

    /// <summary>Milliseconds since 1970; zero for budgets without a reset.</summary>
    public required long WindowStart { get; init; }

    public required long Epoch { get; init; }

    public required long LeasedNano { get; init; }

    /// <summary>Kept by the committer, in the flush that writes the ledger's rows.</summary>
    public required long SettledNano { get; init; }

    public required bool Closed { get; init; }

    /// <summary>The last recall of this budget that the holder has answered.</summary>
    public long Answered { get; init; }

    /// <summary>The least that the holder used between that answer and the one before.</summary>
    public long FloorNano { get; init; }

    public required DateTimeOffset OpenedAt { get; init; }

    public static void Map(ModelBuilder model) => model.Entity<Lease>(lease =>
    {
        lease.ToTable("spend_leases");
        lease.HasKey(l => l.Id);
        lease.HasIndex(l => new { l.BudgetId, l.WindowStart }).HasDatabaseName("spend_leases_budget");
        lease.HasIndex(l => l.Epoch).HasFilter("NOT closed").HasDatabaseName("spend_leases_epoch");
    });
}

/// <summary>One start of one process.</summary>
[InstallationOwned("A process serves all tenants.")]
internal sealed class ProcessEpoch
{
    public required long Epoch { get; init; }

    public required DateTimeOffset StartedAt { get; init; }

    public required DateTimeOffset RenewedAt { get; set; }

    public DateTimeOffset? EndedAt { get; set; }

    public static void Map(ModelBuilder model) => model.Entity<ProcessEpoch>(epoch =>
    {
        epoch.ToTable("spend_epochs");
        epoch.HasKey(e => e.Epoch);
        epoch.Property(e => e.Epoch).ValueGeneratedNever();
    });
}
