using System.CommandLine;
using System.Globalization;
using Crew.Kernel;
using Crew.Sealing;
using Crew.Storage;

namespace Crew.Host.Commands;

internal static class RestoreCommand
{
    public static Command Make()
    {
        var from = new Option<string>("--from") { Description = "The backup file.", Required = true };
        var command = new Command("restore", "Restore a backup into an empty place, on either database. Needs the master key that the data was made with.")
        {
            CommandLine.Data, CommandLine.Database, CommandLine.AsJson, from, BackupCommand.RecipientKey,
        };
        command.SetAction((options, cancel) => CommandLine.WithPlaceAsync(options, async (installation, services) =>
        {
            var settings = services.GetRequiredService<CrewSettings>();
            var existed = Directory.Exists(settings.DataFolder);
            var path = Path.GetFullPath(options.GetValue(from)!);
            var clock = services.GetRequiredService<TimeProvider>();
            var started = clock.GetTimestamp();
            var restored = await RestoreAsync(installation, path, options.GetValue(BackupCommand.RecipientKey), cancel);
            if (restored.Failed(out var fault))
            {
                if (!existed && settings.Database is null && Directory.Exists(settings.DataFolder))
                {
                    Directory.Delete(settings.DataFolder, recursive: true);
                }

                return fault;
            }

            if (await FinishAsync(installation, path, restored.Value, cancel) is { } unopened)
            {
                return unopened;
            }

            BackupCommand.Print(restored.Value, path, clock.GetElapsedTime(started), options.GetValue(CommandLine.AsJson), "restored from");
            return null;
        }));
        return command;
    }

    private static async Task<Outcome<TransferReport>> RestoreAsync(
        Installation installation, string path, string? recipientKeyFile, CancellationToken cancel)
    {
        var master = installation.LoadMasterKey();
        if (master.Failed(out var keyless))
        {
            return keyless;
        }

        var key = BackupCommand.KeyFor(installation, recipientKeyFile);
        if (key.Failed(out var unusable))
        {
            return unusable;
        }

        await using var claim = await installation.Store.TryClaimAsync(cancel);
        using var opening = key.Value;
        return claim is null
            ? HostFaults.AlreadyServed
            : await BackupFile.ReadAsync(path, opening,
                source => installation.Store.ImportAsync(source, db => StoredKeys.CheckAsync(db, master.Value), cancel), cancel);
    }

    private static async Task<Fault?> FinishAsync(Installation installation, string path, TransferReport report, CancellationToken cancel) =>
        await installation.OpenAsync(mayBegin: false, cancel)
        ?? await installation.RecordAsync(new Event("operator.backup.restored", new Resource("backup", Path.GetFileName(path)))
        {
            Changes =
            [
                new FieldChange("rows", null, report.Rows.Values.Sum()),
                new FieldChange("created_at", null, report.Header.CreatedAt.ToString("O", CultureInfo.InvariantCulture)),
            ],
        }, cancel);
}
