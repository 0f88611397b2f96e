using Crew.Kernel;

namespace Crew.Host;

/// <summary>Why the program does not start.</summary>
internal static class HostFaults
{
    public static readonly Fault DatabaseUnreachable = new("database_unreachable", 503,
        "PostgreSQL does not answer under CREW_DATABASE. Check host, port, name, user and password, and that it accepts connections from here.");

    public static readonly Fault AlreadyServed = new("already_served", 409,
        "Another crew process is at this data folder or database. Stop it first, or use another one.");

    public static readonly Fault AlreadyInitialised = new("already_initialised", 409,
        "There is an installation already. Start it with crew serve; make a further organization with crew orgs create.");

    public static Fault OpenFilesTooFew(long limit) => new("open_files_too_few", 500,
        $"This process may have {limit} open files, and the server needs at least {Http.OpenFiles.Own}. Raise the limit, for example with ulimit -n 65536 or LimitNOFILE=65536 in its systemd unit.");

    public static Fault NoInstallation(string place) => new("no_installation", 404,
        $"There is no Crew installation in {place}. Make one with crew init, or start crew serve, which makes one by itself.");

    public static readonly Fault OtherMasterKey = new("wrong_master_key", 500,
        "The backup was sealed under another master key. Give the master key of the installation that it was made of "
        + "(CREW_MASTER_KEY, CREW_MASTER_KEY_FILE or the key file beside the data folder).");

    public static readonly Fault OtherRecipientKey = new("wrong_recipient_key", 500,
        "The backup was sealed for another recipient key. Name the file of the right one with --recipient-key-file.");

    public static Fault BackupExists(string path) => new("backup_exists", 409,
        $"There is a file {path} already. Choose another name, or write over it with --force.");

    public static Fault BackupUnknown(int format) => new("backup_format_unknown", 500,
        $"The backup file is of format {format}, which this version of crew does not read. Restore it with the version that wrote it, or a newer one.");
}
