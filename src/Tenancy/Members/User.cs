using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Tenancy.Members;

/// <summary>A person. E-mail and name are sealed under the installation key; the keyed hash finds the e-mail again.</summary>
[InstallationOwned("A person may belong to several organizations; memberships say to which.")]
internal sealed class User
{
    public required string Id { get; init; }

    public required byte[] EmailSealed { get; set; }

    public required string EmailHash { get; set; }

    /// <summary>The name that others see, if they gave one.</summary>
    public byte[]? NameSealed { get; set; }

    /// <summary>When a mail sent to the address was answered; null is never.</summary>
    public DateTimeOffset? EmailVerifiedAt { get; set; }

    public required DateTimeOffset CreatedAt { get; init; }

    public long Version { get; set; } = 1;

    public static void Map(ModelBuilder model) => model.Entity<User>(user =>
    {
        user.ToTable("tenancy_users");
        user.HasKey(u => u.Id);
        user.Property(u => u.Version).IsConcurrencyToken();
        user.HasIndex(u => u.EmailHash).IsUnique().HasDatabaseName("tenancy_users_email");
    });
}

/// <summary>A person's role in an organization (no workspace) or in one of its workspaces.</summary>
internal sealed class Membership : IShared
{
    public required string Id { get; init; }

    public required string OrganizationId { get; init; }

    public string? WorkspaceId { get; init; }

    public required string UserId { get; init; }

    public required string Role { get; set; }

    /// <summary>Environments that the role is narrowed to, by name; null is all.</summary>
    public IReadOnlyList<string>? Environments { get; set; }

    /// <summary>Whether the role reaches content: transcripts, recordings, messages, memory, contacts.</summary>
    public bool ContentAccess { get; set; } = true;

    public required DateTimeOffset CreatedAt { get; init; }

    public long Version { get; set; } = 1;

    public static void Map(ModelBuilder model) => model.Entity<Membership>(membership =>
    {
        membership.ToTable("tenancy_memberships");
        membership.HasKey(m => m.Id);
        membership.Property(m => m.Version).IsConcurrencyToken();
        membership.HasOne<User>().WithMany().HasForeignKey(m => m.UserId).OnDelete(DeleteBehavior.Restrict);
        membership.HasIndex(m => new { m.UserId, m.OrganizationId, m.WorkspaceId }).IsUnique().HasDatabaseName("tenancy_memberships_person");
        membership.HasIndex(m => m.WorkspaceId).HasDatabaseName("tenancy_memberships_workspace");
    });
}
