using System.Text.Json;
using Crew.Gateway.Catalogue;
using Crew.Gateway.Metering;
using Crew.Gateway.Models;
using Crew.Gateway.Prices;
using Crew.Gateway.Providers;
using Crew.Http;
using Crew.Kernel;
using Crew.Sealing;
using Crew.Sealing.Egress;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Gateway.Contracts;

/// <summary>A provider to be made for the organization.</summary>
/// <param name="Name">A label.</param>
/// <param name="Kind">One of the constants.</param>
/// <param name="BaseUrl">What the provider's clients take as its base URL.</param>
/// <param name="Credential">The key itself, or <c>env:NAME</c>; null for none yet.</param>
/// <param name="ApiVersion">For Azure.</param>
public sealed record CatalogueProvider(string Name, string Kind, string BaseUrl, SecretText? Credential, string? ApiVersion)
{
    public const string OpenAi = Provider.OpenAi;
    public const string Anthropic = "anthropic";
    public const string Azure = Provider.Azure;
}

/// <summary>A place that serves a model: the position of its provider in the list, and the model's name there.</summary>
public sealed record CatalogueTarget(int Provider, string UpstreamModel, int Weight, int Priority);

/// <summary>A model to be made. Prices are texts of US dollars per million tokens; null is unknown.</summary>
public sealed record CatalogueEntry(string Id, IReadOnlyList<CatalogueTarget> Targets)
{
    /// <summary>What it costs, by the names that LiteLLM has for costs, in US dollars per token, second, character or image. Empty is unknown.</summary>
    public IReadOnlyDictionary<string, decimal> Costs { get; init; } = new Dictionary<string, decimal>();

    /// <summary>It makes images, so that a cost per image is one of its answers.</summary>
    public bool MakesImages { get; init; }

    public int? ContextWindow { get; init; }

    public int? MaxOutputTokens { get; init; }
}

/// <summary>Adds providers and models of the organization to a transaction, as the API would make them one by one.</summary>
public sealed class CatalogueImport(KeyRing ring, EgressPolicy egress, TimeProvider clock)
{
    /// <summary>Whether a text is a reference (<c>env:NAME</c>) that a provider's credential may be.</summary>
    public static bool MayRefer(string reference) => CredentialSource.IsReference(reference) && CredentialSource.Check(reference) is null;

    /// <summary>Whether a cost of this name of LiteLLM's has a counterpart.</summary>
    public static bool CarriesCost(string name) => LiteLlmPrices.Carries(name);

    /// <summary>
    /// Adds what can be made and says what could not: a provider that cannot be, with all that only it serves, and a model whose id is taken.
    /// Models without a price take that of the built-in list, where their name is on it.
    /// </summary>
    /// <param name="db">A transaction of the operator.</param>
    /// <param name="organizationId">Whose they become.</param>
    /// <param name="providers">Those that <paramref name="models"/> name by position.</param>
    /// <param name="models">The models.</param>
    /// <param name="refused">Takes the name of a thing that was not made, and why.</param>
    /// <returns>The ids of the models that were added.</returns>
    public async Task<IReadOnlyList<string>> AddAsync(
        Db db, string organizationId, IReadOnlyList<CatalogueProvider> providers, IReadOnlyList<CatalogueEntry> models, Action<string, string> refused)
    {
        var made = providers.Select(p => Make(organizationId, p, refused)).ToList();
        var taken = await db.Set<Model>().Where(m => m.OwnerId == organizationId).Select(m => m.Id).ToListAsync();
        var place = new Tenant(organizationId, null);
        var added = new List<string>();
        var used = new HashSet<Provider>();
        foreach (var entry in models)
        {
            var model = taken.Contains(entry.Id) ? null : Make(organizationId, entry, made, refused);
            if (model is null)
            {
                if (taken.Contains(entry.Id))
                {
                    refused($"model {entry.Id}", GatewayFaults.ModelExists.Message);
                }

                continue;
            }

            db.Add(model);
            db.Raise(ModelDraft.Happened(model, "model.created", new FieldChange("targets", null, model.Targets)) with { Tenant = place });
            db.Touch(ModelCatalogue.FeedTopic, model.OwnerId);
            used.UnionWith(entry.Targets.Select(t => made[t.Provider]).OfType<Provider>());
            added.Add(model.Id);
        }

        foreach (var provider in used)
        {
            db.Add(provider);
            db.Raise(ProviderAccess.Happened(provider, "provider.created",
                new FieldChange("kind", null, provider.Kind), new FieldChange("base_url", null, provider.BaseUrl)) with { Tenant = place });
            ProviderAccess.Touch(db, provider);
        }

        return added;
    }

    private Provider? Make(string organizationId, CatalogueProvider given, Action<string, string> refused)
    {
        var url = ProviderDraft.Kind(given.Kind) is { } unknown ? unknown : ProviderDraft.BaseUrl(given.Kind, given.BaseUrl, egress);
        var wrong = url.Fault ?? ProviderDraft.Key(given.Credential, isOperator: true);
        if (wrong is not null)
        {
            refused($"provider {given.Name}", wrong.Message);
            return null;
        }

        var now = clock.GetUtcNow();
        var provider = new Provider
        {
            Id = Id.New(IdPrefix.Provider, now),
            OrganizationId = organizationId,
            Name = given.Name,
            Kind = given.Kind,
            BaseUrl = url.Value,
            ApiVersion = given.Kind == Provider.Azure ? given.ApiVersion ?? ProviderDraft.DefaultApiVersion : null,
            Timeouts = JsonSerializer.Serialize(new ProviderTimeouts(), ApiJson.Options),
            CreatedAt = now,
            UpdatedAt = now,
        };
        if (given.Credential is { } credential)
        {
            provider.Seal(ring, credential);
        }

        return provider;
    }

    private Model? Make(string organizationId, CatalogueEntry entry, List<Provider?> providers, Action<string, string> refused)
    {
        var targets = entry.Targets.Where(t => providers[t.Provider] is not null)
            .Select(t => new ModelTarget(providers[t.Provider]!.Id, t.UpstreamModel, t.Weight, t.Priority)).ToList();
        var prices = entry.Costs.Count == 0 ? Listed(entry) : LiteLlmPrices.Of(entry.Costs, entry.MakesImages) is { Fault: null } given ? given.Value : null;
        var wrong = ModelDraft.Id(entry.Id) ?? ModelDraft.Limits(entry.ContextWindow, entry.MaxOutputTokens) ?? ModelDraft.Count(targets.Count);
        if (wrong is not null)
        {
            refused($"model {entry.Id}", targets.Count == 0 ? "none of its providers can be made" : wrong.Message);
            return null;
        }

        if (prices is null)
        {
            refused($"model {entry.Id}: price", "it is unknown, so the model cannot be called under a budget until it has one (PATCH /v1/gateway/models)");
        }

        var now = clock.GetUtcNow();
        var model = new Model
        {
            Id = entry.Id,
            OwnerId = organizationId,
            OrganizationId = organizationId,
            Targets = Model.Write(targets),
            ContextWindow = entry.ContextWindow,
            MaxOutputTokens = entry.MaxOutputTokens,
            CreatedAt = now,
            UpdatedAt = now,
        };
        model.Reprice(prices);
        return model;
    }

    /// <summary>The built-in list's price of a model whose targets all know it by one name.</summary>
    private static PriceList? Listed(CatalogueEntry entry) =>
        entry.Targets.Select(t => t.UpstreamModel).Distinct().ToList() is [var name] ? PriceBook.BuiltIn().Find(name)?.Prices().Value : null;
}
