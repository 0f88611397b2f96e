using System.CommandLine;
using System.Text.Json;
using Crew.Identity.Contracts;
using Crew.Tenancy.Contracts;

namespace Crew.Host.Commands;

internal static class OrgsCommand
{
    public static Command Make()
    {
        var command = new Command("orgs", "Organizations of this installation.");
        command.Subcommands.Add(MakeCreate());
        command.Subcommands.Add(MakeList());
        command.Subcommands.Add(MakeLink());
        return command;
    }

    private static Command MakeCreate()
    {
        var email = new Option<string>("--email") { Description = "E-mail of its owner.", Required = true };
        var name = new Option<string>("--name") { Description = "Its name.", Required = true };
        var create = new Command("create", "Make a further organization, with its first workspace, Owner and keys.")
        {
            CommandLine.Data, CommandLine.Database, CommandLine.AsJson, email, name,
        };
        create.SetAction((options, cancel) => CommandLine.WithInstallationAsync(options, mayBegin: false, async (installation, _) =>
        {
            var made = await installation.ProvisionAsync(options.GetValue(name)!, options.GetValue(email)!, cancel);
            if (made.Fault is null)
            {
                InitCommand.Print(made.Value, options.GetValue(CommandLine.AsJson));
            }

            return made.Fault;
        }, cancel));
        return create;
    }

    private static Command MakeLink()
    {
        var email = new Option<string>("--email") { Description = "E-mail of the person.", Required = true };
        var link = new Command("sign-in-link", "Print a link by which a person sets a new password and signs in; good once, for seven days.")
        {
            CommandLine.Data, CommandLine.Database, CommandLine.Urls, email,
        };
        link.SetAction((options, cancel) => CommandLine.WithInstallationAsync(options, mayBegin: false, async (_, services) =>
        {
            var made = await services.GetRequiredService<SignInLinks>().CreateAsync(options.GetValue(email)!, Installation.Operator, cancel);
            if (made.Fault is null)
            {
                Terminal.Line(made.Value.Reveal());
            }

            return made.Fault;
        }, cancel));
        return link;
    }

    private static Command MakeList()
    {
        var list = new Command("list", "List the organizations.") { CommandLine.Data, CommandLine.Database, CommandLine.AsJson };
        list.SetAction((options, cancel) => CommandLine.WithInstallationAsync(options, mayBegin: false, async (_, services) =>
        {
            var organizations = await services.GetRequiredService<Provisioner>().ListAsync(cancel);
            if (options.GetValue(CommandLine.AsJson))
            {
                Terminal.Line(JsonSerializer.Serialize(organizations.Select(o => new { o.OrganizationId, o.WorkspaceId, o.Name }), CommandLine.Json));
            }
            else
            {
                organizations.ForEach(o => Terminal.Line($"{o.OrganizationId}  {o.WorkspaceId}  {o.Name}"));
            }

            return null;
        }, cancel));
        return list;
    }
}
