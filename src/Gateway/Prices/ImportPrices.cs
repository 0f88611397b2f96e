using System.Text.Json;
using Crew.Gateway.Contracts;
using Crew.Gateway.Models;
using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Gateway.Prices;

/// <summary>Takes a list of prices over: one of ours, LiteLLM's, or the built-in ones.</summary>
internal static class ImportPrices
{
    private static readonly Permission Write = Permissions.Of("models:write");

    /// <summary>Exactly one of <c>models</c>, <c>litellm</c> and <c>built_in</c>; the rest of an exported list is read and means nothing here.</summary>
    internal sealed record Request(IReadOnlyList<PricedModel>? Models, JsonElement Litellm, bool? BuiltIn, bool? DryRun)
    {
        public string? Name { get; init; }

        public string? AsOf { get; init; }

        public string? Source { get; init; }

        public string? BaseUrl { get; init; }
    }

    public static void Map(RouteGroupBuilder prices) =>
        prices.MapPost("/import", Handle)
            .WithName("Prices.Import")
            .WithSummary("Take a list of prices over for the catalogue's models, or say with dry_run what it would change.")
            .Requires(CrewSource.None, "models:write")
            .WorkspaceLevel()
            .Audited("model.updated")
            .Example("""{"models": [{"id": "gpt-4o-mini", "price_per_million_usd": {"input": "0.15", "output": "0.60"}}], "dry_run": true}""");

    private static async Task<Reply<PriceReport>> Handle(Body<Request> body, Call call, Store store, TimeProvider clock, CancellationToken cancel)
    {
        if (body.Fault is { } broken)
        {
            return broken;
        }

        var read = Read(body.Value);
        if (read.Failed(out var unreadable))
        {
            return unreadable;
        }

        var (book, isDryRun) = (read.Value, body.Value.DryRun ?? false);
        if (isDryRun)
        {
            return await store.ReadAsync(call.Tenant, async db => await RunAsync(db, call, book, isDryRun, clock.GetUtcNow(), cancel), cancel);
        }

        var done = await store.ChangeAsync<PriceReport>(call.Tenant, call.Origin, async db => await RunAsync(db, call, book, isDryRun, clock.GetUtcNow(), cancel), cancel);
        return done.Failed(out var refused) ? refused : done.Value;
    }

    private static Outcome<PriceBook> Read(Request request)
    {
        var (hasLiteLlm, isBuiltIn) = (request.Litellm.ValueKind is not (JsonValueKind.Undefined or JsonValueKind.Null), request.BuiltIn ?? false);
        if ((request.Models is null ? 0 : 1) + (hasLiteLlm ? 1 : 0) + (isBuiltIn ? 1 : 0) != 1)
        {
            return Faults.Invalid("models", "Give exactly one of models (a list as GET /v1/gateway/prices gives it), litellm (LiteLLM's "
                + "model_prices_and_context_window.json) and built_in: true (the lists that come with Crew).");
        }

        if (hasLiteLlm)
        {
            return LiteLlmPrices.Read(request.Litellm);
        }

        var book = isBuiltIn ? PriceBook.BuiltIn() : new PriceBook();
        book.Add(request.Models ?? []);
        return book;
    }

    private static async Task<PriceReport> RunAsync(Db db, Call call, PriceBook book, bool isDryRun, DateTimeOffset now, CancellationToken cancel)
    {
        // The organization's models are its own to price; what the workspace owns is changed here.
        var forOrganization = call.Caller.OrganizationPermissions.Has(Write);
        var models = (await db.Set<Model>().ToListAsync(cancel)).Where(m => m.WorkspaceId is not null || forOrganization).ToList();
        return PriceUpdate.Run(models, book, isDryRun, now, (model, change) => PriceUpdate.Note(db, model, change, null));
    }
}
