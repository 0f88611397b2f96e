using System.CommandLine;

namespace Crew.Host.Commands;

internal static class MigrateCommand
{
    public static Command Make()
    {
        var command = new Command("migrate", "Apply the schema files that are missing; crew serve does the same at its start.") { CommandLine.Data, CommandLine.Database };
        command.SetAction((options, cancel) => CommandLine.WithInstallationAsync(options, mayBegin: false, (_, _) =>
        {
            Terminal.Line("The schema is up to date.");
            return Task.FromResult<Kernel.Fault?>(null);
        }, cancel));
        return command;
    }
}
