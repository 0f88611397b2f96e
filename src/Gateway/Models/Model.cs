using System.Text.Json;
using Crew.Gateway.Metering;
using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Gateway.Models;

/// <summary>One place where a model is served.</summary>
/// <param name="ProviderId">The provider, of the same owner.</param>
/// <param name="UpstreamModel">The name by which that provider knows the model.</param>
/// <param name="Weight">Share of the calls among targets of the same priority.</param>
/// <param name="Priority">Lower is tried first.</param>
internal sealed record ModelTarget(string ProviderId, string UpstreamModel, int Weight, int Priority);

/// <summary>A model of the catalogue: where it is served and what it costs. It belongs to the owner of its providers.</summary>
internal sealed class Model : IShared
{
    /// <summary>Workspace or organization; with <see cref="Id"/> the primary key.</summary>
    public required string OwnerId { get; init; }

    /// <summary>The public id; it may hold slashes.</summary>
    public required string Id { get; init; }

    public required string OrganizationId { get; init; }

    public string? WorkspaceId { get; init; }

    /// <summary>List of <see cref="ModelTarget"/> as JSON.</summary>
    public required string Targets { get; set; }

    /// <summary>Prices per million tokens. Null is unknown, which is not free.</summary>
    public NanoUsd? InputNano { get; set; }

    public NanoUsd? OutputNano { get; set; }

    public NanoUsd? CacheReadNano { get; set; }

    public NanoUsd? CacheWriteNano { get; set; }

    public int? ContextWindow { get; set; }

    public int? MaxOutputTokens { get; set; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; set; }

    public long Version { get; set; } = 1;

    public IReadOnlyList<ModelTarget> ReadTargets() => JsonSerializer.Deserialize<ModelTarget[]>(Targets, ApiJson.Options)!;

    public static string Write(IReadOnlyList<ModelTarget> targets) => JsonSerializer.Serialize(targets, ApiJson.Options);

    public PriceList? Prices() => InputNano is { } input && OutputNano is { } output ? PriceList.Of(input, output, CacheReadNano, CacheWriteNano) : null;

    public static void Map(ModelBuilder builder) => builder.Entity<Model>(model =>
    {
        model.ToTable("gateway_models");
        model.HasKey(m => new { m.OwnerId, m.Id });
        model.Property(m => m.Version).IsConcurrencyToken();
        model.HasIndex(m => new { m.OrganizationId, m.WorkspaceId, m.Id }).HasDatabaseName("gateway_models_organization");
    });
}
