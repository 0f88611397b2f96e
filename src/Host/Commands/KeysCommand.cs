using System.CommandLine;
using System.Text.Json;
using Crew.Kernel;
using Crew.Keys.Contracts;
using Crew.Tenancy.Contracts;

namespace Crew.Host.Commands;

internal static class KeysCommand
{
    public static Command Make()
    {
        var command = new Command("keys", "API keys: the operator's way to make masters and to revoke.");
        command.Subcommands.Add(MakeCreate());
        command.Subcommands.Add(MakeList());
        command.Subcommands.Add(MakeRevoke());
        return command;
    }

    private static Command MakeCreate()
    {
        var name = new Option<string>("--name") { Description = "Its name.", Required = true };
        var workspace = new Option<string?>("--workspace") { Description = "Workspace id (default: the first one)." };
        var test = new Option<bool>("--test") { Description = "Test mode instead of live." };
        var account = new Option<bool>("--account") { Description = "An account master, with the organization's permissions." };
        var permissions = new Option<string[]>("--permission") { Description = "Permission of a service key, repeated. Without it: a master key." };
        var create = new Command("create", "Make a key. Without --permission it is a master key.")
        {
            CommandLine.Data, CommandLine.Database, CommandLine.AsJson, name, workspace, test, account, permissions,
        };
        create.SetAction((options, cancel) => CommandLine.WithInstallationAsync(options, mayBegin: false, async (_, services) =>
        {
            var organizations = await services.GetRequiredService<Provisioner>().ListAsync(cancel);
            var wanted = options.GetValue(workspace);
            var place = organizations.FirstOrDefault(o => wanted is null || o.WorkspaceId == wanted);
            if (place.OrganizationId is null)
            {
                return Faults.NotFound;
            }

            var keys = services.GetRequiredService<OperatorKeys>();
            var made = options.GetValue(permissions) is { Length: > 0 } rights
                ? await keys.CreateServiceAsync(place.OrganizationId, place.WorkspaceId, options.GetValue(name)!, rights, options.GetValue(test), Installation.Operator, cancel)
                : await keys.CreateMasterAsync(place.OrganizationId, place.WorkspaceId, options.GetValue(name)!, options.GetValue(test), options.GetValue(account), Installation.Operator, cancel);
            if (made.Fault is null)
            {
                Terminal.Line(options.GetValue(CommandLine.AsJson)
                    ? JsonSerializer.Serialize(new { made.Value.Id, Key = made.Value.Text.Reveal() }, CommandLine.Json)
                    : $"{made.Value.Id}  {made.Value.Text.Reveal()}");
            }

            return made.Fault;
        }, cancel));
        return create;
    }

    private static Command MakeList()
    {
        var list = new Command("list", "List all keys; never their text.") { CommandLine.Data, CommandLine.Database, CommandLine.AsJson };
        list.SetAction((options, cancel) => CommandLine.WithInstallationAsync(options, mayBegin: false, async (_, services) =>
        {
            var keys = await services.GetRequiredService<OperatorKeys>().ListAsync(cancel);
            if (options.GetValue(CommandLine.AsJson))
            {
                Terminal.Line(JsonSerializer.Serialize(keys, CommandLine.Json));
            }
            else
            {
                keys.ForEach(k => Terminal.Line($"{k.Id}  {k.Prefix}…{k.Last4}  {k.Kind,-7}  {k.Status,-7}  {k.WorkspaceId}  {k.Name}"));
            }

            return null;
        }, cancel));
        return list;
    }

    private static Command MakeRevoke()
    {
        var id = new Argument<string>("id") { Description = "Id of the key (key_…)." };
        var revoke = new Command("revoke", "Revoke a key and its children. A running server acts on it within its feed's poll.") { CommandLine.Data, CommandLine.Database, id };
        revoke.SetAction((options, cancel) => CommandLine.WithInstallationAsync(options, mayBegin: false, async (_, services) =>
            (await services.GetRequiredService<OperatorKeys>().RevokeAsync(options.GetValue(id)!, Installation.Operator, cancel)).Fault, cancel));
        return revoke;
    }
}
