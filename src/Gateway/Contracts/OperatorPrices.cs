using System.Text.Json;
using Crew.Gateway.Models;
using Crew.Gateway.Prices;
using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Gateway.Contracts;

/// <summary>A model whose price is, or would be, another one. Prices in one line; null is unknown.</summary>
public sealed record PriceChange(string Id, string Owner, string? Before, string? After);

/// <summary>A model that was left as it is although the list has its name.</summary>
public sealed record PriceSkip(string Id, string Reason);

/// <summary>What a list of prices did, or would do.</summary>
/// <param name="DryRun">Nothing was changed.</param>
/// <param name="Listed">Prices that could be read from the list.</param>
/// <param name="Unknown">Models of the catalogue that the list has no price of; they keep theirs.</param>
public sealed record PriceReport(
    bool DryRun, int Listed, IReadOnlyList<PriceChange> Changed, IReadOnlyList<string> Unchanged, IReadOnlyList<string> Unknown, IReadOnlyList<PriceSkip> Skipped);

/// <summary>Prices as the operator of the machine takes them over and looks at them: of an organization and all its workspaces.</summary>
public sealed class OperatorPrices(Store store, TimeProvider clock)
{
    private static readonly JsonSerializerOptions _indented = new(ApiJson.Options) { WriteIndented = true };
    private static readonly Fault _takenBack = Faults.Invalid("--dry-run", "A dry run leaves nothing behind.");

    /// <summary>Takes a list over, whole or not at all.</summary>
    /// <param name="json">A list in our form or LiteLLM's; null takes the built-in lists.</param>
    public async Task<Outcome<PriceReport>> ImportAsync(string organizationId, string? json, bool isDryRun, Origin origin, CancellationToken cancel)
    {
        var book = json is null ? PriceBook.BuiltIn() : Read(json);
        if (book.Failed(out var unreadable))
        {
            return unreadable;
        }

        PriceReport? report = null;
        var done = await store.ChangeAsync<bool>(SystemJob.OperatorCommand, origin, async db =>
        {
            var models = await db.Set<Model>().Where(m => m.OrganizationId == organizationId).ToListAsync(cancel);
            report = PriceUpdate.Run(models, book.Value, isDryRun, clock.GetUtcNow(),
                (model, change) => PriceUpdate.Note(db, model, change, new Tenant(model.OrganizationId, model.WorkspaceId)));
            db.Raise(new Event("operator.imported", new Resource("organization", organizationId, null)) { Log = EventLog.Installation });
            return isDryRun ? _takenBack : true;
        }, cancel);
        return report is not null && (done.Fault is null || done.Fault == _takenBack) ? report : done.Fault!;
    }

    /// <summary>
    /// The prices of the organization's and its workspaces' models, in the form that <see cref="ImportAsync"/> takes. Of several of one id the
    /// organization's counts, or that of its oldest workspace.
    /// </summary>
    public async Task<string> ExportAsync(string organizationId, CancellationToken cancel)
    {
        var models = await store.ReadAsync(SystemJob.OperatorCommand,
            db => db.Set<Model>().AsNoTracking().Where(m => m.OrganizationId == organizationId).ToListAsync(cancel), cancel);
        return JsonSerializer.Serialize(ExportPrices.Of(
            models.OrderBy(m => m.WorkspaceId, StringComparer.Ordinal).DistinctBy(m => m.Id), clock.GetUtcNow()), _indented);
    }

    private static Outcome<PriceBook> Read(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var root = document.RootElement;
            if (root.ValueKind == JsonValueKind.Object && !root.TryGetProperty("models", out _))
            {
                return LiteLlmPrices.Read(root);
            }

            var file = root.Deserialize<PriceFile>(ApiJson.Options);
            var book = new PriceBook();
            book.Add(file?.Models ?? []);
            return book;
        }
        catch (JsonException broken)
        {
            return Faults.Invalid("FILE",
                $"The file is no list of prices: {(broken.Path is { Length: > 0 } path ? $"at {path}, " : "")}line {(broken.LineNumber ?? 0) + 1}. `crew prices export` shows the form; "
                + "LiteLLM's model_prices_and_context_window.json is taken as well.");
        }
    }
}
