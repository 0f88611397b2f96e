using System.CommandLine;
using System.Reflection;
using Crew.Host.Commands;

// One executable: the server and the operator's commands.
var crew = new RootCommand("Crew: a self-hosted platform for running AI agents and models for many teams, safely.")
{
    ServeCommand.Make(),
    InitCommand.Make(),
    DoctorCommand.Make(),
    OrgsCommand.Make(),
    KeysCommand.Make(),
    BackupCommand.Make(),
    RestoreCommand.Make(),
    MigrateCommand.Make(),
    BudgetsCommand.Make(),
    AuditCommand.Make(),
    RotateMasterKeyCommand.Make(),
};
return await crew.Parse(args).InvokeAsync();

/// <summary>The program itself.</summary>
internal sealed partial class Program
{
    /// <summary>The version of this build, without the hash of its source.</summary>
    public static string Version { get; } =
        (typeof(Program).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0").Split('+')[0];
}
