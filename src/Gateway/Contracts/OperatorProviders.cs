using System.Text.Json;
using Crew.Gateway.Models;
using Crew.Gateway.Prices;
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
    public const string AnthropicVariable = "ANTHROPIC_API_KEY";

    private readonly Store _store;
    private readonly KeyRing _ring;
    private readonly TimeProvider _clock;

    public OperatorProviders(Store store, KeyRing ring, TimeProvider clock) => (_store, _ring, _clock) = (store, ring, clock);

    /// <summary>
    /// Makes the organization's providers "OpenAI" and "Anthropic" with the models of the built-in price lists, unless the organization has
    /// a provider already. The credentials themselves stay in the environment. Nothing is called. False: there was nothing to do.
    /// </summary>
    /// <param name="openAiKey">The value of <see cref="OpenAiVariable"/>; null or empty makes no such provider.</param>
    /// <param name="anthropicKey">The value of <see cref="AnthropicVariable"/>; null or empty makes no such provider.</param>
    public async Task<Outcome<bool>> EnsureAsync(
        string organizationId, string? openAiKey, string? anthropicKey, Origin origin, CancellationToken cancel)
    {
        List<(string Kind, string Variable)> wanted = [];
        if (!string.IsNullOrWhiteSpace(openAiKey))
        {
            wanted.Add((Provider.OpenAi, OpenAiVariable));
        }

        if (!string.IsNullOrWhiteSpace(anthropicKey))
        {
            wanted.Add((Provider.Anthropic, AnthropicVariable));
        }

        if (wanted.Count == 0)
        {
            return false;
        }

        var now = _clock.GetUtcNow();
        return await _store.ChangeAsync<bool>(new Tenant(organizationId, null), origin, async db =>
        {
            if (await db.Set<Provider>().AnyAsync())
            {
                return false;
            }

            wanted.ForEach(one => Add(db, organizationId, one.Kind, one.Variable, now));
            return true;
        }, cancel);
    }

    private void Add(Db db, string organizationId, string kind, string variable, DateTimeOffset now)
    {
        var list = PriceFile.BuiltIn(kind);
        var provider = MakeProvider(organizationId, kind, list, now);
        provider.Seal(_ring, new SecretText($"env:{variable}"));
        db.Add(provider);
        db.Raise(ProviderAccess.Happened(provider, "provider.created",
            new FieldChange("kind", null, provider.Kind), new FieldChange("base_url", null, provider.BaseUrl)));
        foreach (var entry in list.Models!)
        {
            var model = MakeModel(provider, entry, now);
            db.Add(model);
            db.Raise(ModelDraft.Happened(model, "model.created"));
        }

        ProviderAccess.Touch(db, provider);
    }

    private static Provider MakeProvider(string organizationId, string kind, PriceFile list, DateTimeOffset now) => new()
    {
        Id = Id.New(IdPrefix.Provider, now),
        OrganizationId = organizationId,
        Name = list.Name!,
        Kind = kind,
        BaseUrl = list.BaseUrl!,
        Timeouts = JsonSerializer.Serialize(new ProviderTimeouts(), ApiJson.Options),
        CreatedAt = now,
        UpdatedAt = now,
    };

    private static Model MakeModel(Provider provider, PricedModel entry, DateTimeOffset now)
    {
        var model = new Model
        {
            Id = entry.Id!,
            OwnerId = provider.OrganizationId,
            OrganizationId = provider.OrganizationId,
            Targets = Model.Write([new ModelTarget(provider.Id, entry.Id!, 1, 1)]),
            ContextWindow = entry.ContextWindow,
            MaxOutputTokens = entry.MaxOutputTokens,
            MaxImageTokens = entry.MaxImageTokens,
            CreatedAt = now,
            UpdatedAt = now,
        };
        model.Reprice(entry.Prices().Value);
        return model;
    }
}
