using System.CommandLine;
using System.Text.Json;
using Crew.Gateway.Contracts;
using Crew.Kernel;
using Crew.Tenancy.Contracts;

namespace Crew.Host.Commands;

internal static class PricesCommand
{
    private const int MaximumBytes = 32 * 1024 * 1024;

    public static Command Make() => new("prices", "Prices of the catalogue's models.") { MakeImport(), MakeExport() };

    private static Command MakeImport()
    {
        var file = new Argument<string?>("file")
        {
            Description = "A list as `prices export` prints it, or LiteLLM's model_prices_and_context_window.json.", Arity = ArgumentArity.ZeroOrOne,
        };
        var builtIn = new Option<bool>("--built-in") { Description = "Take the lists that come with this version instead of a file." };
        var organization = Organization();
        var dryRun = new Option<bool>("--dry-run") { Description = "Say what would change; change nothing." };
        var command = new Command("import", "Take a list of prices over for the models that are in the catalogue, whole or not at all.")
        {
            CommandLine.Data, CommandLine.Database, CommandLine.AsJson, file, builtIn, organization, dryRun,
        };
        command.SetAction((options, cancel) => CommandLine.WithInstallationAsync(options, mayBegin: false, async (_, services) =>
        {
            var path = options.GetValue(file);
            if (path is null != options.GetValue(builtIn))
            {
                return Faults.Invalid("FILE", "Name a file, or take the lists of this version with --built-in; not both.");
            }

            var text = path is null ? (string?)null : Read(path);
            var owner = await FindAsync(services, options.GetValue(organization), cancel);
            if (owner is null || (path is not null && text is null))
            {
                return owner is null ? Faults.NotFound : Faults.Invalid("FILE", $"There is no readable file {path} of at most {MaximumBytes >> 20} MiB.");
            }

            var done = await services.GetRequiredService<OperatorPrices>().ImportAsync(owner, text, options.GetValue(dryRun), Installation.Operator, cancel);
            if (done.Failed(out var refused))
            {
                return refused;
            }

            Print(done.Value, options.GetValue(CommandLine.AsJson));
            return null;
        }, cancel));
        return command;
    }

    private static Command MakeExport()
    {
        var organization = Organization();
        var command = new Command("export", "Print the prices of the organization's and its workspaces' models as a list that can be edited and imported.")
        {
            CommandLine.Data, CommandLine.Database, organization,
        };
        command.SetAction((options, cancel) => CommandLine.WithUnchangedAsync(options, async (_, services) =>
        {
            if (await FindAsync(services, options.GetValue(organization), cancel) is not { } owner)
            {
                return Faults.NotFound;
            }

            Terminal.Line(await services.GetRequiredService<OperatorPrices>().ExportAsync(owner, cancel));
            return null;
        }, cancel));
        return command;
    }

    private static Option<string?> Organization() => new("--organization") { Description = "Organization id (default: the first one)." };

    private static async Task<string?> FindAsync(IServiceProvider services, string? wanted, CancellationToken cancel) =>
        (await services.GetRequiredService<Provisioner>().ListAsync(cancel)).FirstOrDefault(o => wanted is null || o.OrganizationId == wanted).OrganizationId;

    private static string? Read(string path)
    {
        try
        {
            return new FileInfo(path) is { Exists: true, Length: <= MaximumBytes } ? File.ReadAllText(path) : null;
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static void Print(PriceReport report, bool asJson)
    {
        if (asJson)
        {
            Terminal.Line(JsonSerializer.Serialize(report, CommandLine.Json));
            return;
        }

        Terminal.Line($"{report.Listed} prices read; {(report.DryRun ? "would change" : "changed")}: {report.Changed.Count} models, as they were: {report.Unchanged.Count}");
        foreach (var change in report.Changed)
        {
            Terminal.Line($"  {change.Id}: {change.Before ?? "unknown"} -> {change.After}");
        }

        foreach (var id in report.Unknown)
        {
            Terminal.Line($"  {id}: the list has no price of it");
        }

        foreach (var skip in report.Skipped)
        {
            Terminal.Line($"  {skip.Id}: left alone, {skip.Reason}");
        }
    }
}
