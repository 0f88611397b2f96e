using System.CommandLine;
using System.Text.Json;
using Crew.Storage;

namespace Crew.Host.Commands;

internal static class DoctorCommand
{
    public static Command Make()
    {
        var command = new Command("doctor", "Check the installation and say how to mend what is wrong. Changes nothing.")
        {
            CommandLine.Data, CommandLine.Database, CommandLine.AsJson, CommandLine.Urls,
        };
        command.SetAction(async (options, cancel) =>
        {
            var failed = false;
            var code = await CommandLine.WithPlaceAsync(options, async (installation, services) =>
            {
                var checks = await new Examination(installation, services.GetRequiredService<CrewSettings>(), services).RunAsync(cancel);
                Print(checks, options.GetValue(CommandLine.AsJson));
                failed = checks.Any(c => c.Level == FindingLevel.Failed);
                return null;
            });
            return failed ? 1 : code;
        });
        return command;
    }

    private static void Print(IReadOnlyList<StoreFinding> checks, bool asJson)
    {
        if (asJson)
        {
            Terminal.Line(JsonSerializer.Serialize(
                new { Checks = checks.Select(c => new { c.Name, Status = Word(c.Level), c.Message, c.Mend }) }, CommandLine.Json));
            return;
        }

        foreach (var check in checks)
        {
            Terminal.Line($"{Word(check.Level),-8} {check.Name,-22} {check.Message}");
            if (check.Mend is { } mend)
            {
                Terminal.Line($"{"",-31} {mend}");
            }
        }
    }

    private static string Word(FindingLevel level) => level.ToString().ToLowerInvariant();
}
