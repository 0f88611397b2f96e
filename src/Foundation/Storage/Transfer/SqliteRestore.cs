using Crew.Kernel;
using Microsoft.Data.Sqlite;

namespace Crew.Storage;

/// <summary>
/// Builds the database of a copy in a file of its own, and gives it the right name once everything was taken in, held against its
/// counts and written to disk. Whatever goes wrong before leaves nothing behind.
/// </summary>
internal sealed class SqliteRestore(string file, StorageModel model, TimeProvider clock)
{
    private readonly string _building = file + ".restoring";

    public async Task<Outcome<TransferReport>> RunAsync(
        TransferReader reader, Func<SqliteConnection, Task<Fault?>> check, CancellationToken cancel)
    {
        try
        {
            var report = await BuildAsync(reader, check, cancel);
            if (report.Fault is null)
            {
                SqliteConnection.ClearAllPools();
                using (var written = new FileStream(_building, FileMode.Open, FileAccess.ReadWrite, FileShare.None))
                {
                    written.Flush(flushToDisk: true);
                }

                CrashPoint.Pass(CrashPoints.SqliteRestoreNameBefore);
                File.Move(_building, file, overwrite: false);
                CrashPoint.Pass(CrashPoints.SqliteRestoreNameAfter);
                FolderSync.Flush(Path.GetDirectoryName(file)!);
            }

            return report;
        }
        catch (SqliteException error) when (SqliteErrors.IsUnavailable(error))
        {
            return Faults.StorageUnavailable;
        }
        catch (SqliteException error) when (SqliteErrors.IsUnique(error))
        {
            return TransferFaults.Damaged;
        }
        catch (TransferDamagedException)
        {
            return TransferFaults.Damaged;
        }
        finally
        {
            File.Delete(_building);
        }
    }

    private async Task<Outcome<TransferReport>> BuildAsync(TransferReader reader, Func<SqliteConnection, Task<Fault?>> check, CancellationToken cancel)
    {
        var header = await reader.HeaderAsync(cancel);
        if (header.Format != TransferFormat.Version)
        {
            return TransferFaults.UnknownFormat(header.Format);
        }

        if (TransferPlan.Split(model, "sqlite", header) is var files && files.Failed(out var unknown))
        {
            return unknown;
        }

        using var connection = Create();
        Execute(connection, "BEGIN EXCLUSIVE");
        Execute(connection, SchemaFiles.AppliedTable);
        SqliteSchema.Apply(connection, files.Value.Before, clock);
        TransferReport report;
        using (var import = new SqliteImport(connection, model))
        {
            report = await import.TakeAsync(reader, header, cancel);
            import.Finish();
        }

        SqliteSchema.Apply(connection, files.Value.After, clock);
        if (SqliteCatalog.BrokenKeys(connection) > 0)
        {
            return TransferFaults.Damaged;
        }

        Execute(connection, TransferTarget.Announce(clock));
        if (await check(connection) is { } refused)
        {
            return refused;
        }

        CrashPoint.Pass(CrashPoints.SqliteRestoreCommitBefore);
        Execute(connection, "COMMIT");
        return report;
    }

    private SqliteConnection Create()
    {
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        new FileStream(_building, options).Dispose();
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = _building, Pooling = false }.ToString());
        connection.Open();

        // Nothing of this file is kept unless all of it is: a journal would only cost time.
        Execute(connection, "PRAGMA foreign_keys=OFF; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-64000");
        return connection;
    }

    private static void Execute(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
