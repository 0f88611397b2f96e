using System.CommandLine;
using System.Text.Json;
using Crew.Gateway.Contracts;
using Crew.Host.Import;
using Crew.Kernel;
using Crew.Keys.Contracts;
using Crew.Storage;
using Crew.Tenancy.Contracts;

namespace Crew.Host.Commands;

internal static class ImportCommand
{
    public static Command Make()
    {
        var command = new Command("import", "Take over the configuration of another gateway.");
        command.Subcommands.Add(MakeLiteLlm());
        return command;
    }

    private static Command MakeLiteLlm()
    {
        var config = new Option<string>("--config") { Description = "LiteLLM's config.yaml.", Required = true };
        var keys = new Option<string?>("--keys") { Description = "Its keys, as GET /key/list?return_full_object=true gives them. New keys are made and shown once." };
        var workspace = new Option<string?>("--workspace") { Description = "Workspace id for the keys (default: the first one). Providers and models become its organization's." };
        var dryRun = new Option<bool>("--dry-run") { Description = "Say what would come along and what not; change nothing." };
        var command = new Command("litellm", "Take over LiteLLM's models, providers, prices, fallbacks and keys, whole or not at all.")
        {
            CommandLine.Data, CommandLine.Database, CommandLine.AsJson, config, keys, workspace, dryRun,
        };
        command.SetAction((options, cancel) => CommandLine.WithInstallationAsync(options, mayBegin: false, async (_, services) =>
        {
            var plan = Read(options.GetValue(config)!, options.GetValue(keys), services.GetRequiredService<TimeProvider>().GetUtcNow());
            if (plan.Failed(out var unreadable))
            {
                return unreadable;
            }

            var wanted = options.GetValue(workspace);
            var place = (await services.GetRequiredService<Provisioner>().ListAsync(cancel)).FirstOrDefault(o => wanted is null || o.WorkspaceId == wanted);
            if (place.OrganizationId is null)
            {
                return Faults.NotFound;
            }

            var run = new ImportRun(services.GetRequiredService<Store>(), services.GetRequiredService<CatalogueImport>(), services.GetRequiredService<KeyImport>());
            var done = await run.RunAsync(plan.Value, new Tenant(place.OrganizationId, place.WorkspaceId), options.GetValue(dryRun), cancel);
            if (done.Failed(out var refused))
            {
                return refused;
            }

            Print(done.Value, options.GetValue(CommandLine.AsJson));
            return null;
        }, cancel));
        return command;
    }

    private static Outcome<ImportPlan> Read(string config, string? keys, DateTimeOffset now)
    {
        var root = YamlText.Load(config);
        if (root.Failed(out var unreadable))
        {
            return unreadable;
        }

        var plan = new ImportPlan();
        new LiteLlmConfig(plan).Read(root.Value);
        return keys is not null && new LiteLlmKeys(plan).Read(keys, now) is { } broken ? broken : plan;
    }

    /// <summary>The texts of new keys are in this output and nowhere else; a dry run has none.</summary>
    private static void Print(ImportReport report, bool asJson)
    {
        if (asJson)
        {
            Terminal.Line(JsonSerializer.Serialize(new
            {
                DryRun = report.IsDryRun, report.Providers, report.Models,
                Keys = report.Keys.Select(k => new { k.Name, Id = report.IsDryRun ? null : k.Id, Key = report.IsDryRun ? null : k.Text.Reveal() }),
                LeftBehind = report.Left,
            }, CommandLine.Json));
            return;
        }

        Terminal.Line($"{(report.IsDryRun ? "would take over" : "taken over")}: {report.Providers.Count} providers, {report.Models.Count} models, {report.Keys.Count} keys");
        foreach (var name in report.Providers)
        {
            Terminal.Line($"  provider  {name}");
        }

        foreach (var id in report.Models)
        {
            Terminal.Line($"  model     {id}");
        }

        foreach (var key in report.Keys)
        {
            Terminal.Line(report.IsDryRun ? $"  key       {key.Name}" : $"  key       {key.Name}  {key.Id}  {key.Text.Reveal()}");
        }

        if (report.Left.Count > 0)
        {
            Terminal.Line("left behind:");
        }

        foreach (var left in report.Left)
        {
            Terminal.Line($"  {left.Place}: {left.Reason}");
        }
    }
}
