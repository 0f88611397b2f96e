using System.Globalization;
using Crew.Gateway.Metering;
using Crew.Gateway.Models;
using Crew.Gateway.Providers;
using Crew.Http;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Gateway.Prices;

/// <summary>The prices of a catalogue as a list that can be kept, edited and imported again.</summary>
internal static class ExportPrices
{
    public static void Map(RouteGroupBuilder prices) =>
        prices.MapGet("/", Handle)
            .WithName("Prices.Export")
            .WithSummary("The prices of the catalogue's models as one list, in the form that the import takes.")
            .Requires(CrewSource.None, "models:read")
            .WorkspaceLevel();

    public static PriceFile Of(IEnumerable<Model> models, DateTimeOffset now) => new(
        null, now.UtcDateTime.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture), null, null,
        [
            .. models.OrderBy(m => m.Id, StringComparer.Ordinal).Select(m => (Model: m, Prices: m.Prices())).Where(m => m.Prices is not null)
                .Select(m => new PricedModel(m.Model.Id)
                {
                    PricePerMillionUsd = PriceTexts.Show(m.Prices!),
                    PricePerUnitUsd = m.Prices!.Units?.Show(),
                    ContextWindow = m.Model.ContextWindow,
                    MaxOutputTokens = m.Model.MaxOutputTokens,
                    MaxImageTokens = m.Model.MaxImageTokens,
                }),
        ]);

    private static async Task<Reply<PriceFile>> Handle(Call call, Store store, TimeProvider clock, CancellationToken cancel)
    {
        var models = await store.ReadAsync(call.Tenant, async db =>
        {
            var visible = await ProviderAccess.VisibleAsync(db, call);
            return (await db.Set<Model>().AsNoTracking().ToListAsync(cancel)).Where(m => m.ReadTargets().Any(t => visible.Contains(t.ProviderId))).ToList();
        }, cancel);
        return Of(models, clock.GetUtcNow());
    }
}
