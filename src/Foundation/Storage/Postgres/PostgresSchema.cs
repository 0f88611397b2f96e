using Crew.Kernel;
using Npgsql;

namespace Crew.Storage;

/// <summary>Reads and applies schema files on PostgreSQL, within the transaction that is open on the connection.</summary>
internal static class PostgresSchema
{
    private const long MigrationLock = 0x6372_6577_0001;

    public static Task LockAsync(NpgsqlConnection connection, CancellationToken cancel) =>
        ExecuteAsync(connection, $"SELECT pg_advisory_xact_lock({MigrationLock})", cancel);

    public static async Task<bool> ExistsAsync(NpgsqlConnection connection, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("SELECT to_regclass('storage_schema') IS NOT NULL", connection);
        return (bool)(await command.ExecuteScalarAsync(cancel))!;
    }

    public static async Task<IReadOnlyList<(string Module, long Number, string Checksum)>> AppliedAsync(NpgsqlConnection connection, CancellationToken cancel) =>
        [.. (await PostgresCatalog.SchemaAsync(connection, cancel)).Select(s => (s.Module, s.Number, s.Checksum))];

    public static async Task ApplyAsync(
        NpgsqlConnection connection, PostgresRoles roles, IReadOnlyList<SchemaFile> files, TimeProvider clock, CancellationToken cancel)
    {
        foreach (var file in files)
        {
            await ExecuteAsync(connection, roles.Fill(file.Sql), cancel);
            await using var note = new NpgsqlCommand("INSERT INTO storage_schema VALUES ($1, $2, $3, $4, $5)", connection);
            note.Parameters.AddWithValue(file.Module);
            note.Parameters.AddWithValue((long)file.Number);
            note.Parameters.AddWithValue(file.Name);
            note.Parameters.AddWithValue(file.Checksum);
            note.Parameters.AddWithValue(clock.GetUtcNow().ToUnixTimeMilliseconds());
            await note.ExecuteNonQueryAsync(cancel);
            CrashPoint.Pass(CrashPoints.PostgresSchemaFileAfter);
        }
    }

    public static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        await command.ExecuteNonQueryAsync(cancel);
    }
}
