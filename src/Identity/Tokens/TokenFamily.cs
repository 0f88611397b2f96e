using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.Tokens;

/// <summary>
/// What one call of <c>POST /v1/auth/tokens</c> began: the refresh tokens that follow each other, and the access tokens that they give.
/// Of the refresh tokens only the hash of the latest is kept.
/// </summary>
internal sealed class TokenFamily : IWorkspaceOwned
{
    /// <summary>No family lives longer, however often it is refreshed.</summary>
    public const int MaximumDays = 30;

    public required string Id { get; init; }

    public required string OrganizationId { get; init; }

    public required string WorkspaceId { get; init; }

    /// <summary>The key that minted it. When that key dies, so does the family; its successor after a roll did not mint it.</summary>
    public required string KeyId { get; init; }

    /// <summary>Lineage of that key.</summary>
    public required string LineageId { get; init; }

    /// <summary>The member that it stands for; null for somebody outside.</summary>
    public string? UserId { get; init; }

    /// <summary><c>user_…</c>, or <c>ext:</c> and what the issuer calls somebody outside.</summary>
    public required string Subject { get; init; }

    /// <summary>As they were asked for, wildcards included.</summary>
    public required IReadOnlyList<string> Permissions { get; init; }

    public string? CrewId { get; init; }

    /// <summary>Life of each access token.</summary>
    public required int ExpiresInSeconds { get; init; }

    /// <summary>Place of the latest refresh token, from 1.</summary>
    public required long Number { get; init; }

    /// <summary>SHA-256 of the latest refresh token.</summary>
    public required string LatestHash { get; init; }

    /// <summary>When the latest refresh token was made.</summary>
    public required DateTimeOffset RefreshedAt { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset EndsAt { get; init; }

    public DateTimeOffset? RevokedAt { get; set; }

    /// <summary>A machine word saying why.</summary>
    public string? RevokedReason { get; set; }

    public static void Map(ModelBuilder model) => model.Entity<TokenFamily>(family =>
    {
        family.ToTable("identity_token_families");
        family.HasKey(f => f.Id);
        family.HasIndex(f => new { f.WorkspaceId, f.Id }).HasDatabaseName("identity_token_families_workspace");
        family.HasIndex(f => f.EndsAt).HasDatabaseName("identity_token_families_end");
    });
}
