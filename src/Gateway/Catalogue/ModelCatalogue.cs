using System.Collections.Concurrent;
using System.Collections.Frozen;
using Crew.Gateway.Dialects;
using Crew.Gateway.Models;
using Crew.Gateway.Providers;
using Crew.Gateway.Routing;
using Crew.Gateway.Sandbox;
using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Gateway.Catalogue;

/// <summary>The models of each workspace in memory: loaded at first use, dropped when the feed says that they changed.</summary>
internal sealed class ModelCatalogue
{
    /// <summary>Subjects are ids of workspaces, or of organizations for what all their workspaces see.</summary>
    public const string FeedTopic = "gateway_models";

    /// <summary>Subjects are ids of providers.</summary>
    public const string ProvidersTopic = "gateway_providers";

    /// <summary>The moment that sandbox models show as made.</summary>
    private static readonly DateTimeOffset SandboxSince = new(2026, 11, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly Store _store;
    private readonly ProviderPool _pool;
    private readonly ConcurrentDictionary<string, WorkspaceCatalogue> _views = new(StringComparer.Ordinal);
    private readonly Lazy<CatalogueModel[]> _sandbox;

    public ModelCatalogue(Store store, ProviderPool pool)
    {
        (_store, _pool) = (store, pool);
        _sandbox = new Lazy<CatalogueModel[]>(() => [.. SandboxModels.All.Select(OfSandbox)]);
        store.Feed.Follow(FeedTopic, DropAsync);
        store.Feed.Follow(ProvidersTopic, ForgetAsync);
        store.Feed.Follow(CapWatch.FeedTopic, (subjects, _) =>
        {
            CapWatch.Hear(pool, subjects);
            return Task.CompletedTask;
        });
    }

    /// <summary>The model of the sandbox that answers at an endpoint; the endpoint's first one for any id that is none of its own.</summary>
    public CatalogueModel SandboxFor(Operation operation, string id)
    {
        var isChat = operation != Operation.Embeddings;
        CatalogueModel? first = null;
        foreach (var model in _sandbox.Value)
        {
            if (SandboxModels.IsChat(model.Id) == isChat)
            {
                first ??= model;
                if (model.Id == id)
                {
                    return model;
                }
            }
        }

        return first!;
    }

    public ValueTask<WorkspaceCatalogue> OfAsync(WorkspaceView workspace, CancellationToken cancel) =>
        _views.TryGetValue(workspace.Id, out var view) ? ValueTask.FromResult(view) : LoadAsync(workspace, cancel);

    private static bool IsVisible(IReadOnlyDictionary<string, Provider> providers, Model model) =>
        model.ReadTargets().Any(t => providers.ContainsKey(t.ProviderId));

    private Task DropAsync(IReadOnlyList<string> owners, CancellationToken cancel)
    {
        foreach (var (workspaceId, view) in _views)
        {
            if (owners.Contains(workspaceId) || owners.Contains(view.OrganizationId))
            {
                _views.TryRemove(workspaceId, out _);
            }
        }

        return Task.CompletedTask;
    }

    private Task ForgetAsync(IReadOnlyList<string> providers, CancellationToken cancel)
    {
        foreach (var id in providers)
        {
            _pool.Forget(id);
        }

        return Task.CompletedTask;
    }

    private async ValueTask<WorkspaceCatalogue> LoadAsync(WorkspaceView workspace, CancellationToken cancel)
    {
        while (true)
        {
            var version = _store.Feed.Applied;
            var view = await _store.ReadAsync(new Tenant(workspace.OrganizationId, workspace.Id), async db =>
            {
                var providers = await db.Set<Provider>().AsNoTracking().ToListAsync(cancel);
                return View(workspace, providers, await db.Set<Model>().AsNoTracking().ToListAsync(cancel));
            }, cancel);
            _views[workspace.Id] = view;

            // A change that was applied while we read may have found nothing to drop: then what was read may be old.
            if (_store.Feed.Applied == version)
            {
                return view;
            }

            _views.TryRemove(workspace.Id, out _);
        }
    }

    private WorkspaceCatalogue View(WorkspaceView workspace, List<Provider> providers, List<Model> models)
    {
        var usable = providers.Where(p => p.IsSharedWith(workspace.Id)).ToDictionary(p => p.Id, StringComparer.Ordinal);
        var views = new Dictionary<string, CatalogueModel>(StringComparer.Ordinal);

        // A workspace's own model stands before the organization's of the same id.
        foreach (var model in models.Where(m => IsVisible(usable, m)).OrderBy(m => m.WorkspaceId is null ? 0 : 1))
        {
            views[model.Id] = ViewOf(model, usable);
        }

        foreach (var model in _sandbox.Value)
        {
            views[model.Id] = model;
        }

        return new WorkspaceCatalogue(workspace.OrganizationId, views.ToFrozenDictionary(StringComparer.Ordinal));
    }

    private CatalogueModel ViewOf(Model model, Dictionary<string, Provider> providers) => new()
    {
        Id = model.Id,
        Targets = [.. model.ReadTargets().Where(t => providers.ContainsKey(t.ProviderId)).OrderBy(t => t.Priority)
            .Select(t => new Target(
                _pool.LinkOf(providers[t.ProviderId]), t.UpstreamModel, t.Weight, t.Priority, _pool.HealthOf(t.ProviderId, t.UpstreamModel),
                providers[t.ProviderId].BrokenCaps?.Contains(t.UpstreamModel) == true))],
        Prices = model.Prices(),
        MaxOutputTokens = model.MaxOutputTokens,
        ContextWindow = model.ContextWindow,
        MaxImageTokens = model.MaxImageTokens,
        CreatedAt = model.CreatedAt,
        OwnedBy = model.WorkspaceId is null ? "organization" : "workspace",
    };

    private CatalogueModel OfSandbox(SandboxModel model) => new()
    {
        Id = model.Id,
        Targets = [new Target(_pool.Sandbox, model.Id, 1, 1, new TargetHealth())],
        Prices = model.Prices,
        MaxOutputTokens = model.MaxOutputTokens,
        ContextWindow = model.ContextWindowTokens,
        CreatedAt = SandboxSince,
        OwnedBy = "crew",
    };
}

/// <summary>What one workspace may call, by public id.</summary>
internal sealed record WorkspaceCatalogue(string OrganizationId, FrozenDictionary<string, CatalogueModel> Models);

/// <summary>Which models a caller may call: what its credential allows of what its workspace allows.</summary>
internal static class ModelAccess
{
    public static bool MayCall(Call call, string modelId) =>
        call.Caller.AllowedModels?.Contains(modelId) != false && call.Workspace.AllowedModels?.Contains(modelId) != false
        && call.CrewPolicy.AllowedModels?.Contains(modelId) != false;

    /// <summary>The model with those of its targets that stand in a region which every level allows; null where none does.</summary>
    public static CatalogueModel? WithinRegions(Call call, CatalogueModel model)
    {
        var (own, crew, workspace) = (call.Caller.AllowedRegions, call.CrewPolicy.AllowedRegions, call.Workspace.AllowedRegions);
        if (own is null && crew is null && workspace is null)
        {
            return model;
        }

        var within = model.Targets.Where(t => t.Provider.IsIn(own) && t.Provider.IsIn(crew) && t.Provider.IsIn(workspace)).ToList();
        return within.Count == model.Targets.Count ? model : within.Count == 0 ? null : model.With(within);
    }

    /// <summary>
    /// Whether the sandbox answers instead of live providers: always for test keys, and for keys bound, and people narrowed, to
    /// non-production where the workspace does not allow it.
    /// </summary>
    public static bool IsSandboxed(Caller caller, WorkspaceView workspace)
    {
        if (caller.IsTest)
        {
            return true;
        }

        var environment = caller.Environment
            ?? (caller.CrewId is { } crew && workspace.Crews.TryGetValue(crew, out var bound) ? bound : CrewEnvironment.Production);
        var isOutside = environment != CrewEnvironment.Production || caller.Environments?.Contains(CrewEnvironment.Production) == false;
        return isOutside && !workspace.NonProductionMayUseLiveProviders;
    }
}
