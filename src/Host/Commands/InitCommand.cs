using System.CommandLine;
using System.Text.Json;

namespace Crew.Host.Commands;

internal static class InitCommand
{
    public static Command Make()
    {
        var email = new Option<string>("--email") { Description = "E-mail of the first Owner.", Required = true };
        var name = new Option<string>("--name") { Description = "Name of the organization.", DefaultValueFactory = _ => "Default" };
        var command = new Command("init", "Make a new installation: organization, workspace, three crews, Owner and two keys.")
        {
            CommandLine.Data, CommandLine.Database, CommandLine.AsJson, email, name,
        };
        command.SetAction((options, cancel) => CommandLine.WithInstallationAsync(options, mayBegin: true, async (installation, _) =>
        {
            var begun = await installation.BeginAsync(options.GetValue(name)!, options.GetValue(email)!, cancel);
            if (begun.Failed(out var fault))
            {
                return fault;
            }

            if (begun.Value is not { } made)
            {
                return HostFaults.AlreadyInitialised;
            }

            Print(made, options.GetValue(CommandLine.AsJson));
            return null;
        }, cancel));
        return command;
    }

    public static void Print(FirstRun run, bool asJson)
    {
        if (asJson)
        {
            Terminal.Line(JsonSerializer.Serialize(run, CommandLine.Json));
            return;
        }

        Terminal.Line($"""
            organization  {run.OrganizationId}
            workspace     {run.WorkspaceId}
            owner         {run.Owner.Email} ({run.Owner.UserId})
            sign in       {run.Owner.SignInUrl}
            live key      {run.ApiKeys.Live}
            test key      {run.ApiKeys.Test}

            The keys are shown once. The live key has full account access: make narrower ones with it, then put it away.
            """);
    }
}
