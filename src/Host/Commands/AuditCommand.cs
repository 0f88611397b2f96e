using System.CommandLine;
using System.Text.Json;
using Crew.Audit.Contracts;
using Crew.Kernel;
using Crew.Sealing;

namespace Crew.Host.Commands;

internal static class AuditCommand
{
    private const int MostRecords = 1_000;

    public static Command Make() => new("audit", "The installation's own log: what operators did, and what concerns no workspace.") { MakeList() };

    private static Command MakeList()
    {
        var limit = new Option<int>("--limit") { Description = $"How many records (1 to {MostRecords}).", DefaultValueFactory = _ => 100 };
        var before = new Option<string?>("--before") { Description = "Cursor of the page before (next_cursor)." };
        var list = new Command("list", "List the log, newest first.") { CommandLine.Data, CommandLine.Database, CommandLine.AsJson, limit, before };
        list.SetAction((options, cancel) => CommandLine.WithUnchangedAsync(options, async (installation, services) =>
        {
            if (options.GetValue(limit) is < 1 or > MostRecords)
            {
                return Faults.Invalid("--limit", $"--limit is a number from 1 to {MostRecords}.");
            }

            var log = new InstallationLog(installation.Store, services.GetRequiredService<KeyRing>(), services.GetRequiredService<TimeProvider>());
            var page = await log.ListAsync(options.GetValue(limit), options.GetValue(before), cancel);
            if (options.GetValue(CommandLine.AsJson))
            {
                Terminal.Line(JsonSerializer.Serialize(new { Data = page.Items, page.NextCursor }, CommandLine.Json));
                return null;
            }

            foreach (var record in page.Items)
            {
                var (actor, resource) = (record.Actor, record.Resource);
                Terminal.Line($"{record.Timestamp:yyyy-MM-dd HH:mm:ss}Z  {record.EventType,-32}  {record.Outcome,-7}  {actor.Type}:{actor.Id}  {resource?.Type} {resource?.Id}");
            }

            return null;
        }, cancel));
        return list;
    }
}
