using Crew.Kernel;
using Crew.Sealing;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Webhooks.Endpoints;

/// <summary>Where a workspace wants its events to be sent.</summary>
internal sealed class WebhookEndpoint : IWorkspaceOwned
{
    public const string TableName = "webhooks_endpoints";

    /// <summary>Receives events.</summary>
    public const string Active = "active";

    /// <summary>Nothing is sent; what happens meanwhile waits.</summary>
    public const string Paused = "paused";

    /// <summary>Nothing is sent, and nothing is kept for it.</summary>
    public const string Disabled = "disabled";

    public required string Id { get; init; }

    public required string OrganizationId { get; init; }

    public required string WorkspaceId { get; init; }

    public string? CrewId { get; init; }

    public required string Url { get; set; }

    public required string Description { get; set; }

    /// <summary>The patterns of <see cref="Catalogue.EventFilter"/> as they were given.</summary>
    public required IReadOnlyList<string> Events { get; set; }

    /// <summary>Names of the customer's own headers; their values are sealed.</summary>
    public required IReadOnlyList<string> HeaderNames { get; set; }

    public byte[]? HeadersSealed { get; set; }

    public required byte[] SecretSealed { get; set; }

    /// <summary>The secret before the last rotation, until the overlap ends.</summary>
    public byte[]? FormerSecretSealed { get; set; }

    public DateTimeOffset? FormerEndsAt { get; set; }

    public required string Status { get; set; }

    /// <summary>Why it is paused or disabled: <c>by_request</c>, <c>creator_gone</c>, <c>gone</c> (410), <c>failing</c>.</summary>
    public string? StatusReason { get; set; }

    /// <summary>Whether nothing is sent before the challenge was answered.</summary>
    public bool ChallengeRequired { get; set; }

    public DateTimeOffset? VerifiedAt { get; set; }

    /// <summary>Whose rights bound what it receives.</summary>
    public required string CreatorType { get; set; }

    public required string CreatorId { get; set; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; set; }

    public long Version { get; set; } = 1;

    public Tenant Tenant => new(OrganizationId, WorkspaceId);

    public static Cell CellOf(string workspaceId, string column, string id) => new(workspaceId, TableName, column, id);

    public void SealSecret(KeyRing ring, SecretText secret) =>
        SecretSealed = ring.Seal(KeyScope.Workspace, WorkspaceId, CellOf(WorkspaceId, "secret_sealed", Id), secret.Reveal());

    /// <summary>The secret moves to the former one's place, sealed anew: a sealed value is bound to its column.</summary>
    public bool KeepFormer(KeyRing ring, DateTimeOffset until)
    {
        if (!ring.TryOpenText(KeyScope.Workspace, WorkspaceId, CellOf(WorkspaceId, "secret_sealed", Id), SecretSealed, out var text))
        {
            return false;
        }

        FormerSecretSealed = ring.Seal(KeyScope.Workspace, WorkspaceId, CellOf(WorkspaceId, "former_secret_sealed", Id), text);
        FormerEndsAt = until;
        return true;
    }

    public static void Map(ModelBuilder model) => model.Entity<WebhookEndpoint>(endpoint =>
    {
        endpoint.ToTable(TableName);
        endpoint.HasKey(e => e.Id);
        endpoint.Ignore(e => e.Tenant);
        endpoint.Property(e => e.Version).IsConcurrencyToken();
        endpoint.HasIndex(e => new { e.WorkspaceId, e.Id }).HasDatabaseName("webhooks_endpoints_workspace");
    });
}
