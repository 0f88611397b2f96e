using Crew.Kernel;
using Crew.Storage;
using Crew.Tenancy.Workspaces;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;

namespace Crew.Tenancy.Crews;

/// <summary>A crew: one environment of a workspace. Its environment never changes.</summary>
internal sealed class WorkspaceCrew : IWorkspaceOwned
{
    public required string Id { get; init; }

    public required string WorkspaceId { get; init; }

    public required string Name { get; set; }

    public required CrewEnvironment Environment { get; init; }

    /// <summary><see cref="CrewSettings"/> as JSON; null is none set.</summary>
    public string? Settings { get; set; }

    public required DateTimeOffset CreatedAt { get; init; }

    public long Version { get; set; } = 1;

    public static void Map(ModelBuilder model) => model.Entity<WorkspaceCrew>(crew =>
    {
        crew.ToTable("tenancy_crews");
        crew.HasKey(c => c.Id);
        crew.Property(c => c.Environment).HasConversion(new ValueConverter<CrewEnvironment, string>(e => e.ToName(), s => Parse(s)));
        crew.Property(c => c.Version).IsConcurrencyToken();
        crew.HasOne<Workspace>().WithMany().HasForeignKey(c => c.WorkspaceId).OnDelete(DeleteBehavior.Restrict);
        crew.HasIndex(c => c.WorkspaceId).HasDatabaseName("tenancy_crews_workspace");
    });

    private static CrewEnvironment Parse(string name) => CrewEnvironments.TryParse(name, out var environment) ? environment : throw new InvalidOperationException("Unknown environment");
}
