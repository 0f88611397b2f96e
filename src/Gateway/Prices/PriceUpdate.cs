using Crew.Gateway.Catalogue;
using Crew.Gateway.Contracts;
using Crew.Gateway.Models;
using Crew.Kernel;
using Crew.Storage;

namespace Crew.Gateway.Prices;

/// <summary>
/// What a list of prices changes in a catalogue. A model takes the price of the name that its provider knows it by, or, where the list has none
/// of that name (deployments have names of their own), of its public id. Limits are filled in where the model has none.
/// </summary>
internal static class PriceUpdate
{
    /// <summary>Compares, and changes the models unless it is a dry run.</summary>
    /// <param name="models">Those that may be changed; tracked.</param>
    /// <param name="raise">Takes what happened; called for changed models of a real run only.</param>
    public static PriceReport Run(IReadOnlyList<Model> models, PriceBook book, bool isDryRun, DateTimeOffset now, Action<Model, FieldChange> raise)
    {
        List<PriceChange> changed = [];
        List<PriceSkip> skipped = [];
        List<string> unchanged = [], unknown = [];
        foreach (var model in models.OrderBy(m => m.Id, StringComparer.Ordinal))
        {
            var names = model.ReadTargets().Select(t => t.UpstreamModel).Distinct(StringComparer.Ordinal).ToList();
            var lines = names.Select(book.Find).ToList();
            var line = lines.Count > 0 && lines.TrueForAll(l => l is not null) ? lines[0] : book.Find(model.Id);
            if (line is null)
            {
                if (names.Append(model.Id).Select(book.ReasonOf).FirstOrDefault(r => r is not null) is { } reason)
                {
                    skipped.Add(new PriceSkip(model.Id, reason));
                }
                else
                {
                    unknown.Add(model.Id);
                }
            }
            else if (lines.Any(l => l is not null && !IsSame(l, line)))
            {
                skipped.Add(new PriceSkip(model.Id, "its targets have different prices; set the price that bounds all of them yourself"));
            }
            else if (Compare(model, line, now, isDryRun) is { } change)
            {
                changed.Add(change);
                if (!isDryRun)
                {
                    raise(model, new FieldChange("price_per_million_usd", change.Before, change.After));
                }
            }
            else
            {
                unchanged.Add(model.Id);
            }
        }

        return new PriceReport(isDryRun, book.Count, changed, unchanged, unknown, skipped);
    }

    /// <summary>The events and notices of a changed model.</summary>
    public static void Note(Db db, Model model, FieldChange change, Tenant? place)
    {
        var happened = ModelDraft.Happened(model, "model.updated", change);
        db.Raise(place is null ? happened : happened with { Tenant = place });
        db.Touch(ModelCatalogue.FeedTopic, model.OwnerId);
    }

    private static bool IsSame(PricedModel one, PricedModel other) =>
        Metering.PriceTexts.IsSame(one.Prices().Value, other.Prices().Value);

    private static PriceChange? Compare(Model model, PricedModel line, DateTimeOffset now, bool isDryRun)
    {
        var (before, after) = (model.Prices(), line.Prices().Value);
        var (context, output, image) =
            (model.ContextWindow ?? line.ContextWindow, model.MaxOutputTokens ?? line.MaxOutputTokens, model.MaxImageTokens ?? line.MaxImageTokens);
        if (Metering.PriceTexts.IsSame(before, after) && (context, output, image) == (model.ContextWindow, model.MaxOutputTokens, model.MaxImageTokens))
        {
            return null;
        }

        if (!isDryRun)
        {
            model.Reprice(after);
            (model.ContextWindow, model.MaxOutputTokens, model.MaxImageTokens) = (context, output, image);
            (model.UpdatedAt, model.Version) = (now, model.Version + 1);
        }

        return new PriceChange(model.Id, model.WorkspaceId is null ? "organization" : "workspace", before?.Describe(), after?.Describe());
    }
}
