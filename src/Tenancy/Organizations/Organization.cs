using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Tenancy.Organizations;

/// <summary>The top of the tree: owns workspaces, shared providers and organization budgets.</summary>
internal sealed class Organization : IOrganizationOwned
{
    public required string Id { get; init; }

    /// <summary>Its own id: an organization belongs to itself, so one rule serves all rows.</summary>
    public required string OrganizationId { get; init; }

    public required string Name { get; set; }

    public required DateTimeOffset CreatedAt { get; init; }

    public long Version { get; set; } = 1;

    public static void Map(ModelBuilder model) => model.Entity<Organization>(organization =>
    {
        organization.ToTable("tenancy_organizations");
        organization.HasKey(o => o.Id);
        organization.Property(o => o.Version).IsConcurrencyToken();
    });
}
