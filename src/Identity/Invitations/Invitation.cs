using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.Invitations;

/// <summary>An offer to join a workspace, or an organization, with a role. The text of its link is not kept, only the hash.</summary>
internal sealed class Invitation : IShared
{
    public required string Id { get; init; }

    public required string OrganizationId { get; init; }

    public string? WorkspaceId { get; init; }

    public required byte[] EmailSealed { get; init; }

    public required string EmailHash { get; init; }

    public required string Role { get; init; }

    public IReadOnlyList<string>? Environments { get; init; }

    public bool ContentAccess { get; init; }

    public required string TokenHash { get; set; }

    /// <summary>Whether its link went out by mail; a link that the inviter hands over verifies nothing.</summary>
    public bool ByMail { get; set; }

    /// <summary>The principal that invites.</summary>
    public required string InvitedBy { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset ExpiresAt { get; set; }

    public DateTimeOffset? AcceptedAt { get; set; }

    public DateTimeOffset? RevokedAt { get; set; }

    /// <summary>When its letter is sent again, should it not have gone out with the answer; null when there is none to send.</summary>
    public DateTimeOffset? MailDueAt { get; set; }

    public long Version { get; set; } = 1;

    public static void Map(ModelBuilder model) => model.Entity<Invitation>(invitation =>
    {
        invitation.ToTable("identity_invitations");
        invitation.HasKey(i => i.Id);
        invitation.Property(i => i.Version).IsConcurrencyToken();
        invitation.HasIndex(i => i.TokenHash).IsUnique().HasDatabaseName("identity_invitations_token");
        invitation.HasIndex(i => new { i.OrganizationId, i.WorkspaceId, i.Id }).HasDatabaseName("identity_invitations_workspace");
        invitation.HasIndex(i => i.MailDueAt).HasDatabaseName("identity_invitations_mail");
    });
}
