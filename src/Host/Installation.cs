using Crew.Audit.Contracts;
using Crew.Gateway.Contracts;
using Crew.Identity.Contracts;
using Crew.Kernel;
using Crew.Keys.Contracts;
using Crew.Sealing;
using Crew.Storage;
using Crew.Tenancy.Contracts;
using Crew.Webhooks;

namespace Crew.Host;

/// <summary>What a new installation or organization begins with, as <c>crew init --json</c> prints it.</summary>
internal sealed record FirstRun(string OrganizationId, string WorkspaceId, IReadOnlyDictionary<string, string> Crews, FirstRunOwner Owner, FirstRunKeys ApiKeys);

internal sealed record FirstRunOwner(string UserId, string Email, string SignInUrl);

internal sealed record FirstRunKeys(string Live, string Test);

/// <summary>Opens an installation: schema, key hierarchy, store. Used by the server and by every command.</summary>
internal sealed class Installation(IServiceProvider services, CrewSettings settings)
{
    public Store Store { get; } = services.GetRequiredService<Store>();

    /// <summary>The author of what the operator does at the command line.</summary>
    public static Origin Operator { get; } = new(new Actor("operator", Environment.UserName), null, null, null);

    /// <summary>Whether there is a Crew database. Says so when PostgreSQL does not answer.</summary>
    public async Task<Outcome<bool>> ExistsAsync(CancellationToken cancel)
    {
        try
        {
            return await Store.ExistsAsync(cancel);
        }
        catch (StorageUnavailableException)
        {
            return HostFaults.DatabaseUnreachable;
        }
    }

    /// <summary>
    /// Brings an existing installation up: applies missing schema files, opens the key hierarchy, starts the store. With
    /// <paramref name="mayBegin"/> an empty place becomes a new installation, whose master key may be made (on SQLite).
    /// </summary>
    public async Task<Fault?> OpenAsync(bool mayBegin, CancellationToken cancel)
    {
        var exists = await ExistsAsync(cancel);
        if (exists.Failed(out var unreachable))
        {
            return unreachable;
        }

        if (!exists.Value && !mayBegin)
        {
            return HostFaults.NoInstallation(settings.Database is null ? settings.DataFolder : "the PostgreSQL database");
        }

        var master = MasterKeyFor(exists.Value);
        if (master.Failed(out var keyless))
        {
            return keyless;
        }

        CrashPoint.Pass(CrashPoints.MasterKeyAfter);
        var migrated = await Store.MigrateAsync(cancel);
        if (migrated.Failed(out var stuck))
        {
            return stuck;
        }

        var keys = await StoredKeys.OpenAsync(Store, master.Value, services.GetRequiredService<TimeProvider>(), cancel);
        if (keys.Failed(out var closed))
        {
            return closed;
        }

        CrashPoint.Pass(CrashPoints.HierarchyAfter);
        services.GetRequiredService<OpenedKeys>().Keys = keys.Value;
        var started = await Store.StartAsync(cancel);
        if (started.Fault is null)
        {
            await services.StartWebhooksAsync(cancel);
        }

        return started.Fault ?? await RecordMigrationAsync(exists.Value, migrated.Value, cancel);
    }

    /// <summary>
    /// Opens the key hierarchy of an existing installation and changes nothing: no schema file is applied, no committer started.
    /// For commands that must work before an upgrade, or beside a running server.
    /// </summary>
    public async Task<Fault?> OpenUnchangedAsync(CancellationToken cancel)
    {
        var exists = await ExistsAsync(cancel);
        if (exists.Failed(out var unreachable))
        {
            return unreachable;
        }

        if (!exists.Value)
        {
            return HostFaults.NoInstallation(settings.Database is null ? settings.DataFolder : "the PostgreSQL database");
        }

        var (master, pending) = (LoadMasterKey(), await Store.PendingAsync(cancel));
        if ((master.Fault ?? pending.Fault) is { } fault)
        {
            return fault;
        }

        if (!await StoredKeys.AnyAsync(Store, cancel))
        {
            return SealingFaults.KeysMissing;
        }

        var keys = await StoredKeys.OpenAsync(Store, master.Value, services.GetRequiredService<TimeProvider>(), cancel);
        if (keys.Failed(out var closed))
        {
            return closed;
        }

        services.GetRequiredService<OpenedKeys>().Keys = keys.Value;
        return null;
    }

    /// <summary>The master key as the settings name it; never makes one.</summary>
    public Outcome<MasterKey> LoadMasterKey() =>
        MasterKey.Load(settings.MasterKey, settings.MasterKeyFile, settings.Database is null ? settings.DefaultKeyFile : null);

    /// <summary>Writes what the operator did to the installation's log.</summary>
    public async Task<Fault?> RecordAsync(Event happened, CancellationToken cancel) =>
        (await new InstallationLog(Store, services.GetRequiredService<KeyRing>(), services.GetRequiredService<TimeProvider>()).AppendAsync(Operator, happened, cancel)).Fault;

    /// <summary>
    /// Makes the first organization; null when there is one. Of many processes that start at once on an empty database one makes
    /// it, and the others find it.
    /// </summary>
    public async Task<Outcome<FirstRun?>> BeginAsync(string name, string email, CancellationToken cancel)
    {
        var provisioner = services.GetRequiredService<Provisioner>();
        if (await provisioner.AnyAsync(cancel))
        {
            return (FirstRun?)null;
        }

        await using var turn = await Store.TurnAsync(cancel);
        if (await provisioner.AnyAsync(cancel))
        {
            return (FirstRun?)null;
        }

        var made = await ProvisionAsync(name, email, cancel);
        return made.Failed(out var fault) ? fault : made.Value;
    }

    /// <summary>Makes the first (or a further) organization with its two master keys.</summary>
    public async Task<Outcome<FirstRun>> ProvisionAsync(string name, string email, CancellationToken cancel)
    {
        var isFirst = !await services.GetRequiredService<Provisioner>().AnyAsync(cancel);
        var provisioned = await services.GetRequiredService<Provisioner>().CreateAsync(name, email, Operator, cancel);
        if (provisioned.Failed(out var fault))
        {
            return fault;
        }

        CrashPoint.Pass(CrashPoints.OrganizationAfter);
        var organization = provisioned.Value;
        var keys = services.GetRequiredService<OperatorKeys>();
        var live = await keys.CreateMasterAsync(organization.OrganizationId, organization.WorkspaceId, "Account master (made at start)", false, true, Operator, cancel);
        var test = await keys.CreateMasterAsync(organization.OrganizationId, organization.WorkspaceId, "Test master (made at start)", true, false, Operator, cancel);
        if ((live.Fault ?? test.Fault) is { } keyless)
        {
            return keyless;
        }

        CrashPoint.Pass(CrashPoints.MastersAfter);

        // The operator's own provider accounts belong to the first organization; further ones bring theirs.
        if (isFirst && (await services.GetRequiredService<OperatorProviders>()
            .EnsureAsync(organization.OrganizationId, settings.OpenAiApiKey, settings.AnthropicApiKey, Operator, cancel)).Failed(out var providerless))
        {
            return providerless;
        }

        var link = await services.GetRequiredService<SignInLinks>().CreateAsync(organization.Email, Operator, cancel);
        if (link.Failed(out var linkless))
        {
            return linkless;
        }

        return new FirstRun(
            organization.OrganizationId, organization.WorkspaceId, organization.Crews.ToDictionary(c => c.Key.ToName(), c => c.Value),
            new FirstRunOwner(organization.UserId, organization.Email, link.Value.Reveal()),
            new FirstRunKeys(live.Value.Text.Reveal(), test.Value.Text.Reveal()));
    }

    /// <summary>Reads the master key; makes its file only where there is no data yet and the database is SQLite.</summary>
    private Outcome<MasterKey> MasterKeyFor(bool exists)
    {
        var defaultFile = settings.Database is null ? settings.DefaultKeyFile : null;
        if (!exists && settings.MasterKey is null && settings.MasterKeyFile is null && defaultFile is not null && !File.Exists(defaultFile))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(defaultFile)!);
            return MasterKey.CreateFile(defaultFile);
        }

        return LoadMasterKey();
    }

    private async Task<Fault?> RecordMigrationAsync(bool existed, int files, CancellationToken cancel) => files == 0
        ? null
        : await RecordAsync(new Event(existed ? "operator.schema.migrated" : "operator.installation.created")
        {
            Changes = [new FieldChange("schema_files", null, files)],
        }, cancel);
}
