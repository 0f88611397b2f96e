using Crew.Gateway.Catalogue;
using Crew.Http;
using Crew.Kernel;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Crew.Gateway.Routing;

internal static class ListTargets
{
    /// <summary>A place that serves a model, and how it does as seen from the node that answers.</summary>
    internal sealed record Answer(string Model, string ProviderId, string UpstreamModel, int Weight, int Priority, string? Region, HealthAnswer Health);

    public static void Map(IEndpointRouteBuilder app) =>
        app.MapGet("/v1/gateway/targets", HandleAsync)
            .WithName("Targets.List")
            .WithSummary("List where each model is served and how each place does: circuit, latency, calls under way. Seen from the node that answers.")
            .WithTags("Catalogue")
            .Requires(CrewSource.None, "models:read")
            .WorkspaceLevel();

    private static async Task<Reply<PageReply<Answer>>> HandleAsync(Paging paging, Call call, ModelCatalogue catalogue, TimeProvider clock, CancellationToken cancel)
    {
        if (paging.Fault is { } fault)
        {
            return fault;
        }

        var (view, now) = (await catalogue.OfAsync(call.Workspace, cancel), clock.GetUtcNow());
        var all = view.Models.Values.SelectMany(m => m.Targets.Where(t => !t.Provider.IsSandbox || t.Provider.Id != Providers.Provider.Sandbox)
            .Select((t, at) => (Place: $"{m.Id}~{at:D2}", Target: t, Model: m.Id)))
            .OrderBy(t => t.Place, StringComparer.Ordinal)
            .Where(t => paging.Cursor is null || string.CompareOrdinal(t.Place, paging.Cursor) > 0)
            .Take(paging.Limit + 1).ToList();
        var page = Page<(string Place, Target Target, string Model)>.From(all, paging.Limit, t => Paging.Encode(t.Place));
        return new PageReply<Answer>(page.Select(t => new Answer(
            t.Model, t.Target.Provider.Id, t.Target.UpstreamModel, t.Target.Weight, t.Target.Priority, t.Target.Provider.Region, t.Target.Health.ToAnswer(now, !t.Target.IsCapBroken))));
    }
}
