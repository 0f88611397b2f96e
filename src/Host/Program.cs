using System.CommandLine;
using Crew.Host;
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
    ImportCommand.Make(),
    PricesCommand.Make(),
    AuditCommand.Make(),
    ClockCommand.Make(),
    RotateMasterKeyCommand.Make(),
};

// A stop may take as long as the server's own limits (notice, deadline and farewell), or settlements under way would be lost to an early kill.
var longest = TimeSpan.FromSeconds((2 * CrewSettings.MaximumDrainSeconds) + (2 * Crew.Http.Drain.FarewellSeconds));
return await crew.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = longest });
