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

/// <summary>What a price says beside four prices of tokens. In <paramref name="Tokens"/> those four are not read.</summary>
internal sealed record PricesMoreText(ModelPrices? Tokens, UnitTexts? Units);

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

    /// <summary><see cref="PricesMoreText"/> as JSON; null where there is no more to say.</summary>
    public string? PricesMore { get; set; }

    /// <summary>The most tokens that one image of a prompt is; null is unknown.</summary>
    public int? MaxImageTokens { get; set; }

    public int? ContextWindow { get; set; }

    public int? MaxOutputTokens { get; set; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; set; }

    public long Version { get; set; } = 1;

    public IReadOnlyList<ModelTarget> ReadTargets() => JsonSerializer.Deserialize<ModelTarget[]>(Targets, ApiJson.Options)!;

    public static string Write(IReadOnlyList<ModelTarget> targets) => JsonSerializer.Serialize(targets, ApiJson.Options);

    /// <summary>The price function; null is unknown.</summary>
    public PriceList? Prices()
    {
        var more = PricesMore is null ? null : JsonSerializer.Deserialize<PricesMoreText>(PricesMore, ApiJson.Options);
        var tokens = InputNano is not { } input || OutputNano is not { } output ? null : (more?.Tokens ?? new ModelPrices(null, null, null, null)) with
        {
            Input = input.ToString(), Output = output.ToString(), CacheRead = CacheReadNano?.ToString(), CacheWrite = CacheWriteNano?.ToString(),
        };
        return PriceTexts.Parse(tokens, more?.Units).Value;
    }

    /// <summary>Takes a price function over. The four prices of tokens stand in columns of their own.</summary>
    public void Reprice(PriceList? prices)
    {
        var tokens = prices is null ? null : PriceTexts.Show(prices);
        (InputNano, OutputNano, CacheReadNano, CacheWriteNano) = tokens is null ? default(ValueTuple<NanoUsd?, NanoUsd?, NanoUsd?, NanoUsd?>)
            : (prices!.Input, prices.Output, prices.CacheRead, prices.CacheWrite);
        var more = new PricesMoreText(tokens is { HasMore: true } ? tokens : null, prices?.Units?.Show());
        PricesMore = more is { Tokens: null, Units: null } ? null : JsonSerializer.Serialize(more, ApiJson.Options);
    }

    public static void Map(ModelBuilder builder) => builder.Entity<Model>(model =>
    {
        model.ToTable("gateway_models");
        model.HasKey(m => new { m.OwnerId, m.Id });
        model.Property(m => m.Version).IsConcurrencyToken();
        model.HasIndex(m => new { m.OrganizationId, m.WorkspaceId, m.Id }).HasDatabaseName("gateway_models_organization");
    });
}
