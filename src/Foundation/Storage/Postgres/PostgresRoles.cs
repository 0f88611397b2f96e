using System.Globalization;
using Npgsql;

namespace Crew.Storage;

/// <summary>
/// The four roles: <c>migrate</c> (the login; owns the tables), and three without login that pools enter by the <c>role</c>
/// start-up option: <c>app</c> (bound by policies), <c>append</c> (insert-only), <c>system</c> (named cross-tenant jobs).
/// They are named per database, because roles belong to the whole PostgreSQL cluster.
/// </summary>
internal sealed class PostgresRoles
{
    public PostgresRoles(string connectionString)
    {
        var database = new NpgsqlConnectionStringBuilder(connectionString).Database ?? "crew";
        var prefix = database.Length <= 40 ? database : database[..31] + "_" + StableHash(database);
        (App, Append, System) = ($"{prefix}_crew_app", $"{prefix}_crew_append", $"{prefix}_crew_system");
    }

    /// <summary>
    /// A node that stands still in the middle of a transaction holds its locks, and holds the audit log's order up on all nodes.
    /// PostgreSQL ends such a transaction after this time, where the transaction sets none of its own (<see cref="PostgresHaste"/>).
    /// </summary>
    private const int IdleMilliseconds = 15_000;

    /// <summary>Longest wait for a connection, and for the first answer on it.</summary>
    public const int OpenSeconds = 5;

    public string App { get; }

    public string Append { get; }

    public string System { get; }

    /// <summary>Puts the role names into a schema file.</summary>
    public string Fill(string sql) => sql
        .Replace("{app}", Quote(App), StringComparison.Ordinal)
        .Replace("{append}", Quote(Append), StringComparison.Ordinal)
        .Replace("{system}", Quote(System), StringComparison.Ordinal);

    /// <summary>Makes the roles that are missing and lets the login enter them.</summary>
    public string CreateScript() => string.Join('\n', new[] { App, Append, System }.Select(role => $"""
        DO $$ BEGIN
          IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role.Replace("'", "''", StringComparison.Ordinal)}') THEN
            CREATE ROLE {Quote(role)} NOLOGIN NOINHERIT;
          END IF;
        END $$;
        GRANT {Quote(role)} TO CURRENT_USER;
        GRANT USAGE ON SCHEMA public TO {Quote(role)};
        """));

    /// <summary>A pool that enters the role at start-up, so that no statement ever runs as the owner.</summary>
    /// <param name="answerSeconds">Longest wait for an answer; after it the connection is given up.</param>
    /// <param name="openSeconds">Longest wait for a connection.</param>
    public static NpgsqlDataSource Pool(string connectionString, string? role, int size, int answerSeconds = 15, int openSeconds = OpenSeconds)
    {
        var builder = new NpgsqlConnectionStringBuilder(connectionString)
        {
            MaxPoolSize = size,
            MinPoolSize = 0,
            ApplicationName = "crew",
            Timeout = Math.Min(openSeconds, answerSeconds),
            CommandTimeout = answerSeconds,
        };
        builder.Options = role is null ? builder.Options
            : $"{builder.Options} -c role={role.Replace(" ", "\\ ", StringComparison.Ordinal)} -c idle_in_transaction_session_timeout={IdleMilliseconds}".Trim();
        return new NpgsqlDataSourceBuilder(builder.ToString()).Build();
    }

    private static string Quote(string name) => $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    private static string StableHash(string text) => Convert.ToHexStringLower(
        global::System.Security.Cryptography.SHA256.HashData(global::System.Text.Encoding.UTF8.GetBytes(text)))[..8].ToString(CultureInfo.InvariantCulture);
}
