using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.Sessions;

/// <summary>A person signed in at one browser. Its cookie's text is not kept, only the hash.</summary>
[InstallationOwned("A person's session reaches every workspace that the person belongs to.")]
internal sealed class Session
{
    public required string Id { get; init; }

    public required string UserId { get; init; }

    public required string TokenHash { get; init; }

    /// <summary>The factors that it was opened with: <c>password</c>, <c>totp</c>, <c>recovery</c>, <c>passkey</c>, <c>link</c>.</summary>
    public required IReadOnlyList<string> Methods { get; set; }

    public required DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset LastSeenAt { get; set; }

    /// <summary>The absolute end, used or not.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>When the person last proved who they are.</summary>
    public required DateTimeOffset ProvedAt { get; set; }

    public required byte[] IpSealed { get; init; }

    public byte[]? AgentSealed { get; init; }

    public DateTimeOffset? RevokedAt { get; set; }

    public static void Map(ModelBuilder model) => model.Entity<Session>(session =>
    {
        session.ToTable("identity_sessions");
        session.HasKey(s => s.Id);
        session.HasIndex(s => s.TokenHash).IsUnique().HasDatabaseName("identity_sessions_token");
        session.HasIndex(s => s.UserId).HasDatabaseName("identity_sessions_user");
        session.HasIndex(s => s.ExpiresAt).HasDatabaseName("identity_sessions_expiry");
    });
}
