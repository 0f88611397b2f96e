using System.CommandLine;
using System.Text.Json;
using Crew.Kernel;
using Crew.Storage;

namespace Crew.Host.Commands;

internal static class BackupCommand
{
    public static Option<string?> RecipientKey { get; } = new("--recipient-key-file")
    {
        Description = "File with the base64 text of 32 bytes that seals the backup in place of the master key.",
    };

    public static Command Make()
    {
        var to = new Option<string>("--to") { Description = "The file to write.", Required = true };
        var force = new Option<bool>("--force") { Description = "Write over an existing file." };
        var command = new Command("backup", "Write an encrypted backup of everything, beside a running server if there is one.")
        {
            CommandLine.Data, CommandLine.Database, CommandLine.AsJson, to, force, RecipientKey,
        };
        command.SetAction((options, cancel) => CommandLine.WithUnchangedAsync(options, async (installation, services) =>
        {
            var key = KeyFor(installation, options.GetValue(RecipientKey));
            if (key.Failed(out var keyless))
            {
                return keyless;
            }

            using var sealing = key.Value;
            var clock = services.GetRequiredService<TimeProvider>();
            var (path, started) = (Path.GetFullPath(options.GetValue(to)!), clock.GetTimestamp());
            var written = await BackupFile.WriteAsync(path, sealing, options.GetValue(force),
                target => installation.Store.ExportAsync(target, CommandLine.Version, cancel), cancel);
            if (written.Failed(out var fault))
            {
                return fault;
            }

            Print(written.Value, path, clock.GetElapsedTime(started), options.GetValue(CommandLine.AsJson), "written to");
            var recorded = await installation.RecordAsync(new Event("operator.backup.created", new Resource("backup", Path.GetFileName(path)))
            {
                Changes = [new FieldChange("rows", null, written.Value.Rows.Values.Sum())],
            }, cancel);
            if (recorded is not null)
            {
                Terminal.Error($"crew: the backup is whole, but the installation's log could not be written ({recorded.Code}).");
            }

            return null;
        }, cancel));
        return command;
    }

    public static Outcome<BackupKey> KeyFor(Installation installation, string? recipientKeyFile)
    {
        if (recipientKeyFile is not null)
        {
            return BackupKey.Read(recipientKeyFile);
        }

        var master = installation.LoadMasterKey();
        return master.Failed(out var fault) ? fault : BackupKey.Of(master.Value);
    }

    public static void Print(TransferReport report, string path, TimeSpan took, bool asJson, string did)
    {
        var (rows, bytes) = (report.Rows.Values.Sum(), new FileInfo(path).Length);
        Terminal.Line(asJson
            ? JsonSerializer.Serialize(new
            {
                File = path,
                Bytes = bytes,
                report.Header.CreatedAt,
                report.Header.CrewVersion,
                report.Header.Dialect,
                Rows = rows,
                Tables = report.Rows,
                Seconds = Math.Round(took.TotalSeconds, 3),
            }, CommandLine.Json)
            : $"{rows} rows in {report.Rows.Count} tables, taken from {report.Header.Dialect} at {report.Header.CreatedAt:yyyy-MM-dd HH:mm:ss}Z, "
                + $"{did} {path} ({bytes} bytes, {took.TotalSeconds:0.0} s)");
    }
}
