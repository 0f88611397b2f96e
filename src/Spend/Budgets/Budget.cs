using Crew.Kernel;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Spend;

/// <summary>A cap on what one subject spends in one kind of window.</summary>
internal sealed class Budget : IShared
{
    public const string Strict = "strict";
    public const string Tracking = "tracking";

    public required string Id { get; init; }

    public required string OrganizationId { get; init; }

    /// <summary>Null for budgets of the organization itself.</summary>
    public string? WorkspaceId { get; init; }

    public required string Level { get; init; }

    /// <summary>What is capped, unique within the level; a person's names the workspace too.</summary>
    public required string Subject { get; init; }

    public required string TimeWindow { get; init; }

    public required NanoUsd AmountNano { get; set; }

    public required string Mode { get; set; }

    public required bool ClampOutput { get; set; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; set; }

    public long Version { get; set; } = 1;

    /// <summary>How often nodes have asked each other to give unused capacity back; counted by the leases' writes.</summary>
    public long Recall { get; init; }

    /// <summary>The window that the last warning was about, by its start; -1 for none.</summary>
    public long WarnedWindow { get; init; } = -1;

    /// <summary>The highest percentage of which was warned in that window.</summary>
    public int WarnedPercent { get; init; }

    public BudgetSubject SubjectOf() => BudgetSubject.FromStored(Level, Subject, WorkspaceId);

    public BudgetTerms Terms() => new(
        Id, OrganizationId, SubjectOf(), AmountNano.Value,
        BudgetWindows.TryParse(TimeWindow, out var window) ? window : BudgetWindow.Total, Mode == Strict, ClampOutput, Version);

    public static void Map(ModelBuilder model) => model.Entity<Budget>(budget =>
    {
        budget.ToTable("spend_budgets");
        budget.HasKey(b => b.Id);
        budget.Property(b => b.Version).IsConcurrencyToken();
        budget.HasIndex(b => new { b.Level, b.Subject, b.TimeWindow }).IsUnique().HasDatabaseName("spend_budgets_scope");
        budget.HasIndex(b => new { b.OrganizationId, b.WorkspaceId, b.Id }).HasDatabaseName("spend_budgets_organization");
    });
}
