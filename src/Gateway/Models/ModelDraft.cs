using Crew.Gateway.Dialects;
using Crew.Gateway.Providers;
using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Gateway.Models;

/// <summary>A target as it may be given.</summary>
internal sealed record NewTarget(string? ProviderId, string? UpstreamModel, int? Weight, int? Priority);

/// <summary>What may be given of a model, and what is wrong with it.</summary>
internal static class ModelDraft
{
    private const int MaximumTargets = 16;
    private const int MaximumTokens = 100_000_000;
    private const int MaximumWeight = 1_000;
    private const string SandboxPrefix = "crew-sandbox-";

    private static readonly Permission Write = Permissions.Of("models:write");

    public static Fault? Id(string? id)
    {
        if (id is null || id.Length is 0 or > RequestScan.MaxModelCharacters || id[0] == '/' || id[^1] == '/' || id.Contains("//", StringComparison.Ordinal)
            || id.AsSpan().ContainsAnyExceptInRange('!', '~') || id.AsSpan().IndexOfAny("\"\\?#%") >= 0)
        {
            return Faults.Invalid("id", $"id must be 1 to {RequestScan.MaxModelCharacters} visible ASCII characters without quotes, backslash, ?, # and %; "
                + "slashes may stand inside, such as openai/gpt-4o-mini.");
        }

        return id.StartsWith(SandboxPrefix, StringComparison.Ordinal)
            ? Faults.Invalid("id", $"Ids that begin with {SandboxPrefix} belong to the sandbox, whose models exist in every workspace.")
            : null;
    }

    public static Fault? Limits(int? contextWindow, int? maxOutputTokens, int? maxImageTokens = null) =>
        contextWindow is < 1 or > MaximumTokens ? Faults.Invalid("context_window", $"context_window must be from 1 to {MaximumTokens} tokens.")
        : maxOutputTokens is < 1 or > MaximumTokens ? Faults.Invalid("max_output_tokens", $"max_output_tokens must be from 1 to {MaximumTokens}.")
        : maxImageTokens is < 1 or > MaximumTokens ? Faults.Invalid("max_image_tokens", $"max_image_tokens must be from 1 to {MaximumTokens}.")
        : null;

    public static Fault? Count(int targets) => targets is 0 or > MaximumTargets
        ? Faults.Invalid("targets", $"targets must be a list of 1 to {MaximumTargets} places, each with provider_id and upstream_model.")
        : null;

    /// <summary>
    /// Reads the targets and finds the owner: models and prices belong to whoever owns the providers, or a workspace could give an
    /// organization's provider a price of its own.
    /// </summary>
    public static async Task<Outcome<(IReadOnlyList<ModelTarget> Targets, Provider First)>> TargetsAsync(Db db, Call call, IReadOnlyList<NewTarget>? given)
    {
        if (Count(given?.Count ?? 0) is { } many)
        {
            return many;
        }

        var targets = new List<ModelTarget>(given!.Count);
        Provider? first = null;
        foreach (var target in given)
        {
            if (target?.UpstreamModel is not { } upstream || !RequestScan.IsModelName(upstream))
            {
                return Faults.Invalid("targets.upstream_model", "upstream_model must be the name by which the provider knows the model, without control characters.");
            }

            if (target.Weight is < 1 or > MaximumWeight || target.Priority is < 1 or > MaximumWeight)
            {
                return Faults.Invalid("targets", $"weight and priority must be from 1 to {MaximumWeight}.");
            }

            var found = await ProviderAccess.FindAsync(db, call, target.ProviderId ?? "", toChange: false);
            if (found.Failed(out _))
            {
                return Faults.Invalid("targets.provider_id", "targets name a provider that does not exist here. GET /v1/gateway/providers lists them.");
            }

            first ??= found.Value;
            if (found.Value.OwnerId != first.OwnerId)
            {
                return Faults.Invalid("targets", "All providers of a model must have the same owner: the workspace, or the organization.");
            }

            targets.Add(new ModelTarget(found.Value.Id, upstream, target.Weight ?? 1, target.Priority ?? 1));
        }

        return first!.WorkspaceId is null && !call.Caller.OrganizationPermissions.Has(Write)
            ? GatewayFaults.OrganizationOnly("models:write")
            : (targets, first);
    }

    /// <summary>The model by its public id: the workspace's own stands before the organization's.</summary>
    public static async Task<Outcome<Model>> FindAsync(Db db, Call call, string id, bool toChange)
    {
        var rows = await db.Set<Model>().Where(m => m.Id == id).ToListAsync();
        if (rows.OrderBy(m => m.WorkspaceId is null ? 1 : 0).FirstOrDefault() is not { } model)
        {
            return Faults.NotFound;
        }

        var isOrganizations = model.WorkspaceId is null;
        if (isOrganizations && !call.Caller.OrganizationPermissions.Has(Write))
        {
            var providers = model.ReadTargets().Select(t => t.ProviderId).ToList();
            var shared = await db.Set<Provider>().AsNoTracking().Where(p => providers.Contains(p.Id)).ToListAsync();
            return !shared.Exists(p => p.IsSharedWith(call.Workspace.Id)) ? Faults.NotFound
                : toChange ? GatewayFaults.OrganizationOnly("models:write")
                : model;
        }

        return model;
    }

    public static async Task<VersionedModel> ShowAsync(Db db, Call call, Model model) =>
        new(ModelAnswer.Of(model, await ProviderAccess.VisibleAsync(db, call)), model.Version);

    public static Event Happened(Model model, string what, params IReadOnlyList<FieldChange> changes) =>
        new(what, new Resource("model", model.Id, model.Id))
        {
            Changes = changes,
            Log = model.WorkspaceId is null ? EventLog.Organization : null,
        };
}
