using System.CommandLine;
using Crew.Host.Commands;

// One executable: the server and the operator's commands.
var crew = new RootCommand("Crew: a self-hosted platform for running AI agents and models for many teams, safely.")
{
    ServeCommand.Make(),
    InitCommand.Make(),
    OrgsCommand.Make(),
    KeysCommand.Make(),
    MigrateCommand.Make(),
};
return await crew.Parse(args).InvokeAsync();
