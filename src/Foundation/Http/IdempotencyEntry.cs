using Crew.Sealing;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Http;

/// <summary>A kept Idempotency-Key: whose, for which request (as a keyed hash), how far it got and what was answered.</summary>
internal sealed class IdempotencyEntry : IWorkspaceOwned
{
    public required string Id { get; init; }

    public required string WorkspaceId { get; init; }

    /// <summary>Keyed hash of the body, so that another body under the same key is noticed without keeping the body.</summary>
    public required string RequestHash { get; init; }

    /// <summary>The process that runs it; a running entry of a dead process was never committed and may be run again.</summary>
    public required string Epoch { get; set; }

    /// <summary><c>running</c>, <c>done</c> (the change is committed) or <c>kept</c> (the answer is stored too).</summary>
    public required string State { get; set; }

    public string? ResourceId { get; set; }

    public int? Status { get; set; }

    /// <summary>Sealed: an answer may say who was invited, or what a thing is called.</summary>
    public byte[]? Answer { get; set; }

    public Cell AnswerCell => new(WorkspaceId, "http_idempotency", "answer", Id);

    public required DateTimeOffset CreatedAt { get; init; }

    public static void Map(ModelBuilder model) => model.Entity<IdempotencyEntry>(entry =>
    {
        entry.ToTable("http_idempotency");
        entry.HasKey(e => e.Id);

        // Who takes over an abandoned entry must not remove what its request has finished meanwhile.
        entry.Property(e => e.State).IsConcurrencyToken();
        entry.HasIndex(e => e.CreatedAt).HasDatabaseName("http_idempotency_created_at");
    });
}

/// <summary>What the way in keeps in the database.</summary>
internal sealed class HttpPart : StoragePart
{
    public override string Name => "http";

    /// <summary>What was requested in the minute of a copy is over.</summary>
    public override IReadOnlyList<TransferRule> Transfers => [new("http_rates") { StaysBehind = true }, new("http_slots") { StaysBehind = true }];

    public override void Map(ModelBuilder model) => IdempotencyEntry.Map(model);
}
