using Crew.Storage;

namespace Crew.Host;

/// <summary>
/// Looks at everything that an installation stands on and says how to mend what is wrong. It changes nothing: no schema file is
/// applied, no key made. What cannot be looked at because something before it failed is left out.
/// </summary>
internal sealed class Examination(Installation installation, CrewSettings settings, IServiceProvider services)
{
    private const long LeastFreeMebibytes = 256;
    private const long EnoughFreeMebibytes = 2_048;
    private readonly List<StoreFinding> _found = [];

    public async Task<IReadOnlyList<StoreFinding>> RunAsync(CancellationToken cancel)
    {
        _found.AddRange(NetworkExamination.Run(settings, services.GetRequiredService<TimeProvider>().GetUtcNow()));
        Folder();
        Disk();
        var exists = await installation.ExistsAsync(cancel);
        if (exists.Failed(out var unreachable))
        {
            Add("database", FindingLevel.Failed, unreachable.Message, "Correct --database (CREW_DATABASE), or start PostgreSQL.");
            return _found;
        }

        if (!exists.Value)
        {
            Add("database", FindingLevel.Failed, $"There is no Crew installation in {Place}.", "Make one with crew init, or start crew serve.");
            return _found;
        }

        Add("database", FindingLevel.Ok, "The database answers.");
        var isSchemaKnown = await SchemaAsync(cancel);
        _found.AddRange(await installation.Store.ExamineAsync(cancel));
        if (await MasterKeyAsync(isSchemaKnown, cancel))
        {
            _found.Add(await LedgerExamination.RunAsync(services, cancel));
            _found.AddRange(await KeyExamination.RunAsync(services, settings, cancel));
        }

        _found.AddRange(await NetworkExamination.PortsAsync(settings, installation.Store, cancel));
        return _found;
    }

    private string Place => settings.Database is null ? settings.DataFolder : "the PostgreSQL database";

    private void Add(string name, FindingLevel level, string message, string? mend = null) => _found.Add(new StoreFinding(name, level, message, mend));

    private void Folder()
    {
        if (!Directory.Exists(settings.DataFolder))
        {
            return;
        }

        const UnixFileMode others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute
            | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;
        var open = !OperatingSystem.IsWindows() && (File.GetUnixFileMode(settings.DataFolder) & others) != UnixFileMode.None;
        Add("data_folder", open ? FindingLevel.Failed : FindingLevel.Ok,
            open ? $"Other users of this machine may enter {settings.DataFolder}." : "Only this user may enter the data folder.",
            open ? $"chmod 700 {settings.DataFolder}" : null);
    }

    private void Disk()
    {
        var folder = new DirectoryInfo(settings.DataFolder);
        while (folder is { Exists: false, Parent: { } parent })
        {
            folder = parent;
        }

        var free = new DriveInfo(folder.FullName).AvailableFreeSpace / (1024 * 1024);
        Add("disk_space", free < LeastFreeMebibytes ? FindingLevel.Failed : free < EnoughFreeMebibytes ? FindingLevel.Warning : FindingLevel.Ok,
            $"{free} MiB are free for {settings.DataFolder}.",
            free < EnoughFreeMebibytes ? $"Make room, so that at least {EnoughFreeMebibytes} MiB are free: without room nothing can be written, and requests are refused." : null);
    }

    private async Task<bool> SchemaAsync(CancellationToken cancel)
    {
        var pending = await installation.Store.PendingAsync(cancel);
        if (pending.Failed(out var fault))
        {
            Add("schema", FindingLevel.Failed, fault.Message, "Run the version of crew that wrote this database, or a newer one.");
            return false;
        }

        Add("schema", pending.Value == 0 ? FindingLevel.Ok : FindingLevel.Warning,
            pending.Value == 0 ? "The schema is up to date." : $"{pending.Value} schema files are not applied yet.",
            pending.Value == 0 ? null : "Make a backup with crew backup, then run crew migrate (or crew serve, which does it at its start).");
        return pending.Value == 0;
    }

    /// <summary>Whether the master key is there and right; only then can the rest be read.</summary>
    private async Task<bool> MasterKeyAsync(bool isSchemaKnown, CancellationToken cancel)
    {
        _found.AddRange(KeyExamination.File(settings));
        var master = installation.LoadMasterKey();
        if (master.Failed(out var missing))
        {
            Add("master_key", FindingLevel.Failed, missing.Message,
                "Give the master key that the data was made with; look for it in your backups. A new one does not open the data.");
            return false;
        }

        if (!isSchemaKnown)
        {
            return false;
        }

        var opened = await installation.OpenUnchangedAsync(cancel);
        Add("master_key", opened is null ? FindingLevel.Ok : FindingLevel.Failed, opened?.Message ?? "The master key opens the keys of this installation.",
            opened is null ? null : "Give the master key that the data was made with (CREW_MASTER_KEY, CREW_MASTER_KEY_FILE or the key file beside the data folder).");
        return opened is null;
    }
}
