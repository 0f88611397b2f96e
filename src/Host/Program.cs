using System.CommandLine;
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
