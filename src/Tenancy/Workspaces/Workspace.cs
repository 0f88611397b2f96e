using Crew.Storage;
using Crew.Tenancy.Organizations;
using Microsoft.EntityFrameworkCore;

namespace Crew.Tenancy.Workspaces;

/// <summary>Billing, team, keys and limits of one client or product.</summary>
internal sealed class Workspace : IOrganizationOwned
{
    public required string Id { get; init; }

    public required string OrganizationId { get; init; }

    public required string Name { get; set; }

    public required string Plan { get; set; }

    /// <summary>Overrides the plan's rate; null is the plan's.</summary>
    public int? RequestsPerMinute { get; set; }

    /// <summary>The settings as JSON (<see cref="WorkspaceSettings"/>).</summary>
    public required string Settings { get; set; }

    public DateTimeOffset? SuspendedAt { get; set; }

    public DateTimeOffset? DeletedAt { get; set; }

    public required DateTimeOffset CreatedAt { get; init; }

    public long Version { get; set; } = 1;

    public static void Map(ModelBuilder model) => model.Entity<Workspace>(workspace =>
    {
        workspace.ToTable("tenancy_workspaces");
        workspace.HasKey(w => w.Id);
        workspace.Property(w => w.Version).IsConcurrencyToken();
        workspace.HasOne<Organization>().WithMany().HasForeignKey(w => w.OrganizationId).OnDelete(DeleteBehavior.Restrict);
        workspace.HasIndex(w => w.OrganizationId).HasDatabaseName("tenancy_workspaces_organization");
    });
}
