using Npgsql;

namespace Crew.Storage;

/// <summary>What an operator should know about a PostgreSQL database: its version, and whether the walls between tenants stand.</summary>
internal static class PostgresExamination
{
    private const int OldestVersion = 15;

    private const int ClockSlackSeconds = 10;

    public static async Task<IReadOnlyList<StoreFinding>> RunAsync(NpgsqlConnection connection, PostgresRoles roles, TimeProvider clock, CancellationToken cancel)
    {
        var version = connection.PostgreSqlVersion;
        var found = (await PostgresCatalog.ReadAsync(connection, "SELECT rolname::text, rolbypassrls, rolsuper FROM pg_roles",
            r => (Name: r.GetString(0), Bypasses: r.GetBoolean(1), IsSuper: r.GetBoolean(2)), cancel)).ToLookup(r => r.Name, StringComparer.Ordinal);
        var login = (await PostgresCatalog.ReadAsync(connection, "SELECT session_user::text", r => r.GetString(0), cancel))[0];
        var open = await PostgresCatalog.ReadAsync(connection, """
            SELECT DISTINCT c.relname::text FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid
            WHERE NOT c.relispartition AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
            """, r => r.GetString(0), cancel);
        var there = (await PostgresCatalog.ReadAsync(connection, "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint", r => r.GetInt64(0), cancel))[0];
        var apart = Math.Abs(clock.GetUtcNow().ToUnixTimeMilliseconds() - there) / 1_000;
        var names = new[] { roles.App, roles.Append, roles.System };
        var missing = names.Where(n => !found.Contains(n)).ToList();
        var bypassing = names.Where(n => found[n].Any(r => r.Bypasses || r.IsSuper)).ToList();
        return
        [
            version.Major >= OldestVersion
                ? new("postgres_version", FindingLevel.Ok, $"PostgreSQL {version}.")
                : new("postgres_version", FindingLevel.Failed, $"PostgreSQL {version} is older than {OldestVersion}.",
                    $"Upgrade the server to PostgreSQL {OldestVersion} or newer."),
            missing.Count > 0
                ? new("postgres_roles", FindingLevel.Failed, $"These roles are missing: {string.Join(", ", missing)}.", "Run crew migrate; it makes them.")
                : bypassing.Count > 0
                    ? new("postgres_roles", FindingLevel.Failed, $"These roles pass row-level security by: {string.Join(", ", bypassing)}.",
                        $"ALTER ROLE \"{bypassing[0]}\" NOSUPERUSER NOBYPASSRLS; and the same for the others.")
                    : new("postgres_roles", FindingLevel.Ok, "The roles of the server are bound by row-level security."),
            open.Count == 0
                ? new("postgres_row_security", FindingLevel.Ok, "Row-level security is forced on every table that has policies.")
                : new("postgres_row_security", FindingLevel.Failed, $"Row-level security is not forced on: {string.Join(", ", open)}.",
                    "ALTER TABLE … ENABLE ROW LEVEL SECURITY; ALTER TABLE … FORCE ROW LEVEL SECURITY; on each of them."),
            found[login].Any(r => r.IsSuper || r.Bypasses)
                ? new("postgres_login", FindingLevel.Warning, $"The login {login} is a superuser, or passes row-level security by.",
                    "Give Crew a login of its own that owns the database and may create roles (CREATEROLE), nothing more.")
                : new("postgres_login", FindingLevel.Ok, "The login is no superuser."),
            apart <= ClockSlackSeconds
                ? new("clock", FindingLevel.Ok, "The clocks of this machine and of PostgreSQL agree.")
                : new("clock", FindingLevel.Failed, $"The clocks of this machine and of PostgreSQL are {apart} seconds apart.",
                    "Set both right, and keep them so with NTP (for example chrony or systemd-timesyncd)."),
            await DurabilityAsync(connection, cancel),
        ];
    }

    /// <summary>Whether PostgreSQL can write a mebibyte more; what it wrote is gone with the transaction. To be asked last: a failure may cost the connection.</summary>
    public static async Task<StoreFinding> RoomAsync(NpgsqlConnection connection, CancellationToken cancel)
    {
        const string name = "postgres_room";
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        try
        {
            await using var command = new NpgsqlCommand("CREATE TEMP TABLE crew_room ON COMMIT DROP AS SELECT g FROM generate_series(1, 30000) g", connection, transaction);
            await command.ExecuteNonQueryAsync(cancel);
            await transaction.RollbackAsync(cancel);
            return new(name, FindingLevel.Ok, "PostgreSQL has room to write.");
        }
        catch (PostgresException error)
        {
            return PostgresErrors.IsOutOfRoom(error)
                ? new(name, FindingLevel.Failed, "PostgreSQL's disk is full: nothing can be recorded, so nothing is served.",
                    "Make room on the disk of its data directory or tablespace, or enlarge it. Servers go on by themselves.")
                : new(name, FindingLevel.Warning, $"PostgreSQL did not write a temporary table to try its disk (SQLSTATE {error.SqlState}).",
                    "Look whether it takes writes: it may be a standby. The login needs the right TEMPORARY on the database.");
        }
    }

    /// <summary>What PostgreSQL says is committed must outlive it, and a replica that may take its place must have it.</summary>
    private static async Task<StoreFinding> DurabilityAsync(NpgsqlConnection connection, CancellationToken cancel)
    {
        const string name = "postgres_durability";
        var (commit, standbys, replicas) = (await PostgresCatalog.ReadAsync(connection, """
            SELECT current_setting('synchronous_commit'), current_setting('synchronous_standby_names'), (SELECT count(*) FROM pg_stat_replication)
            """, r => (r.GetString(0), r.GetString(1), r.GetInt64(2)), cancel))[0];
        return commit == "off"
            ? new(name, FindingLevel.Failed, "PostgreSQL acknowledges commits before they are on disk (synchronous_commit = off).",
                "ALTER SYSTEM SET synchronous_commit = on; SELECT pg_reload_conf();")
            : replicas > 0 && (standbys.Length == 0 || commit == "local")
                ? new(name, FindingLevel.Warning, "A replica follows, and commits do not wait for it: promoted, it may lack the last answers.",
                    "Name it in synchronous_standby_names and keep synchronous_commit at on, or never promote it without its primary's log.")
                : new(name, FindingLevel.Ok, "What PostgreSQL acknowledges is on disk, and on the replicas that it waits for.");
    }
}
