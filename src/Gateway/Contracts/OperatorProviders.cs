using System.Text.Json;
using Crew.Gateway.Metering;
using Crew.Gateway.Models;
using Crew.Gateway.Providers;
using Crew.Http;
using Crew.Kernel;
using Crew.Sealing;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Gateway.Contracts;

/// <summary>The providers that the operator's environment brings along, made at the first start.</summary>
public sealed class OperatorProviders
{
    public const string OpenAiVariable = "OPENAI_API_KEY";
    private const string PriceFile = "Crew.Gateway.Prices.openai.json";

    private readonly Store _store;
    private readonly KeyRing _ring;
    private readonly TimeProvider _clock;

    public OperatorProviders(Store store, KeyRing ring, TimeProvider clock) => (_store, _ring, _clock) = (store, ring, clock);

    /// <summary>
    /// Makes the organization's provider "OpenAI" with the models of the built-in price list, unless the organization has a provider
    /// already. The credential itself stays in the environment. Nothing is called. False: there was nothing to do.
    /// </summary>
    /// <param name="openAiKey">The value of <see cref="OpenAiVariable"/>; null or empty does nothing.</param>
    public async Task<Outcome<bool>> EnsureAsync(string organizationId, string? openAiKey, Origin origin, CancellationToken cancel)
    {
        if (string.IsNullOrWhiteSpace(openAiKey))
        {
            return false;
        }

        var list = ReadList();
        var now = _clock.GetUtcNow();
        return await _store.ChangeAsync<bool>(new Tenant(organizationId, null), origin, async db =>
        {
            if (await db.Set<Provider>().AnyAsync())
            {
                return false;
            }

            var provider = MakeProvider(organizationId, list.BaseUrl, now);
            provider.Seal(_ring, new SecretText($"env:{OpenAiVariable}"));
            db.Add(provider);
            db.Raise(ProviderAccess.Happened(provider, "provider.created",
                new FieldChange("kind", null, provider.Kind), new FieldChange("base_url", null, provider.BaseUrl)));
            foreach (var entry in list.Models)
            {
                var model = MakeModel(provider, entry, now);
                db.Add(model);
                db.Raise(ModelDraft.Happened(model, "model.created"));
            }

            ProviderAccess.Touch(db, provider);
            return true;
        }, cancel);
    }

    internal static PriceListFile ReadList()
    {
        using var stream = typeof(OperatorProviders).Assembly.GetManifestResourceStream(PriceFile)!;
        return JsonSerializer.Deserialize<PriceListFile>(stream, ApiJson.Options)!;
    }

    private static Provider MakeProvider(string organizationId, string baseUrl, DateTimeOffset now) => new()
    {
        Id = Id.New(IdPrefix.Provider, now),
        OrganizationId = organizationId,
        Name = "OpenAI",
        Kind = Provider.OpenAi,
        BaseUrl = baseUrl,
        Timeouts = JsonSerializer.Serialize(new ProviderTimeouts(), ApiJson.Options),
        CreatedAt = now,
        UpdatedAt = now,
    };

    private static Model MakeModel(Provider provider, PricedModel entry, DateTimeOffset now)
    {
        var prices = PriceList.Parse(entry.Input, entry.Output, entry.CacheRead).Value;
        return new Model
        {
            Id = entry.Id,
            OwnerId = provider.OrganizationId,
            OrganizationId = provider.OrganizationId,
            Targets = Model.Write([new ModelTarget(provider.Id, entry.Id, 1, 1)]),
            InputNano = prices.Input,
            OutputNano = prices.Output,
            CacheReadNano = prices.CacheRead,
            CacheWriteNano = prices.CacheWrite,
            ContextWindow = entry.ContextWindow,
            MaxOutputTokens = entry.MaxOutputTokens,
            CreatedAt = now,
            UpdatedAt = now,
        };
    }

    /// <summary>The built-in list: list prices as of a day, to be checked against the provider's own page.</summary>
    internal sealed record PriceListFile(string AsOf, string Source, string BaseUrl, IReadOnlyList<PricedModel> Models);

    /// <summary>One model of it.</summary>
    internal sealed record PricedModel(string Id, string Input, string Output, string? CacheRead, int ContextWindow, int MaxOutputTokens);
}
