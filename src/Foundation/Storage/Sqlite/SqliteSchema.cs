using Crew.Kernel;
using Microsoft.Data.Sqlite;

namespace Crew.Storage;

/// <summary>Reads and applies schema files on SQLite, within the transaction that is open on the connection.</summary>
internal static class SqliteSchema
{
    public static IReadOnlyList<(string Module, long Number, string Checksum)> Applied(SqliteConnection connection) =>
        [.. SqliteCatalog.Schema(connection).Select(s => (s.Module, s.Number, s.Checksum))];

    public static void Apply(SqliteConnection connection, IReadOnlyList<SchemaFile> files, TimeProvider clock)
    {
        foreach (var file in files)
        {
            using var change = connection.CreateCommand();
            change.CommandText = file.Sql;
            change.ExecuteNonQuery();
            using var note = connection.CreateCommand();
            note.CommandText = "INSERT INTO storage_schema VALUES ($module, $number, $name, $checksum, $at)";
            note.Parameters.AddWithValue("$module", file.Module);
            note.Parameters.AddWithValue("$number", file.Number);
            note.Parameters.AddWithValue("$name", file.Name);
            note.Parameters.AddWithValue("$checksum", file.Checksum);
            note.Parameters.AddWithValue("$at", clock.GetUtcNow().ToUnixTimeMilliseconds());
            note.ExecuteNonQuery();
            CrashPoint.Pass(CrashPoints.SqliteSchemaFileAfter);
        }
    }
}
