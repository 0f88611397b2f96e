using System.CommandLine;
using Crew.Kernel;
using Crew.Sealing;
using Crew.Storage;

namespace Crew.Host.Commands;

internal static class RotateMasterKeyCommand
{
    public static Command Make()
    {
        var toFile = new Option<string>("--to-file") { Description = "The file that the new master key is written to; it must not exist.", Required = true };
        var command = new Command("rotate-master-key", "Make a new master key and wrap all keys under it. Stop the server first.")
        {
            CommandLine.Data, CommandLine.Database, toFile,
        };
        command.SetAction((options, cancel) => CommandLine.WithPlaceAsync(options, async (installation, services) =>
        {
            var settings = services.GetRequiredService<CrewSettings>();
            if (Refusal(await installation.ExistsAsync(cancel), settings) is { } absent)
            {
                return absent;
            }

            // A server that runs on would wrap new keys under the old master key.
            await using var claim = await installation.Store.TryClaimAsync(cancel);
            if (claim is null)
            {
                return HostFaults.AlreadyServed;
            }

            return await installation.OpenAsync(mayBegin: false, cancel)
                ?? await RotateAsync(
                    installation, services.GetRequiredService<StoredKeys>(), Path.GetFullPath(options.GetValue(toFile)!), settings, cancel);
        }));
        return command;
    }

    private static Fault? Refusal(Outcome<bool> exists, CrewSettings settings) =>
        exists.Failed(out var fault) ? fault
        : exists.Value ? null
        : HostFaults.NoInstallation(settings.Database is null ? settings.DataFolder : "the PostgreSQL database");

    private static async Task<Fault?> RotateAsync(
        Installation installation, StoredKeys keys, string path, CrewSettings settings, CancellationToken cancel)
    {
        var made = MasterKey.CreateFile(path);
        if (made.Failed(out var unwritable))
        {
            return unwritable;
        }

        using var next = made.Value;
        var rewrapped = await keys.RewrapAsync(
            next, Installation.Operator, new Event("operator.master_key.rotated") { Log = EventLog.Installation }, cancel);
        if (rewrapped.Failed(out var fault))
        {
            // A connection that breaks during the commit leaves open which key is the right one: only the database can say.
            if (!await OpensAsync(installation, cancel))
            {
                return fault with
                {
                    Message = $"It is not known whether the rotation took place. Keep both keys: the new one is in {path}. "
                        + "Once the database answers again, the one that crew doctor accepts is right, and the other may go.",
                };
            }

            // Nothing is wrapped under it, and the next attempt needs the name.
            File.Delete(path);
            return fault;
        }

        Terminal.Line($"The new master key is in {path}; {rewrapped.Value} keys are wrapped under it. {Next(path, settings)} "
            + "Keep the old key as long as you keep backups made under it.");
        return null;
    }

    /// <summary>Whether the database answers that the master key of the settings still opens everything.</summary>
    private static async Task<bool> OpensAsync(Installation installation, CancellationToken cancel)
    {
        try
        {
            return installation.LoadMasterKey() is { Fault: null, Value: var master }
                && await installation.Store.ReadAsync(SystemJob.KeyHierarchy, db => StoredKeys.CheckAsync(db, master), cancel) is null;
        }
        catch (StorageUnavailableException)
        {
            return false;
        }
    }

    private static string Next(string path, CrewSettings settings) =>
        settings.MasterKey is not null ? "Put it in CREW_MASTER_KEY in place of the old one."
        : settings.MasterKeyFile is not null ? $"Set CREW_MASTER_KEY_FILE to {path}."
        : $"Move it to {settings.DefaultKeyFile} (away with the old one first), or set CREW_MASTER_KEY_FILE to {path}.";
}
