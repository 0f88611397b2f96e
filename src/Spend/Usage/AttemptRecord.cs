using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Spend;

/// <summary>A row of the ledger as it is read; <see cref="Contracts.Attempt"/> writes it.</summary>
internal sealed class AttemptRecord : IWorkspaceOwned, IUsageFacts
{
    /// <summary>Milliseconds since 1970.</summary>
    public required long At { get; init; }

    public required string OrganizationId { get; init; }

    public required string WorkspaceId { get; init; }

    public string? CrewId { get; init; }

    public string? KeyId { get; init; }

    public string? LineageId { get; init; }

    public string? UserId { get; init; }

    public required string RequestId { get; init; }

    public required int Attempt { get; init; }

    public required string Model { get; init; }

    public string? ProviderId { get; init; }

    public required string Endpoint { get; init; }

    public required bool Stream { get; init; }

    public required bool Test { get; init; }

    public required long InputTokens { get; init; }

    public required long CacheReadTokens { get; init; }

    public required long CacheWriteTokens { get; init; }

    public required long OutputTokens { get; init; }

    public required long ReasoningTokens { get; init; }

    public long AudioInputTokens { get; init; }

    public long AudioOutputTokens { get; init; }

    public long ImageInputTokens { get; init; }

    public long ImageOutputTokens { get; init; }

    public long Images { get; init; }

    public long AudioSeconds { get; init; }

    public long Characters { get; init; }

    public required long CostNano { get; init; }

    public required string Provenance { get; init; }

    public required int Status { get; init; }

    public required string Outcome { get; init; }

    public int? FirstByteMs { get; init; }

    public required int TotalMs { get; init; }

    public required string LeaseIds { get; init; }

    public byte[]? ClientSealed { get; init; }

    public byte[]? IpHash { get; init; }

    public static void Map(ModelBuilder model) => model.Entity<AttemptRecord>(attempt =>
    {
        attempt.ToTable("spend_attempts");
        attempt.HasKey(a => new { a.RequestId, a.Attempt, a.At });
        // Append tables know text, integers and bytes only.
        attempt.Property(a => a.Stream).HasConversion<int>();
        attempt.Property(a => a.Test).HasConversion<int>();
        attempt.HasIndex(a => new { a.WorkspaceId, a.At }).HasDatabaseName("spend_attempts_workspace");
    });
}
