using Crew.Kernel;
using Npgsql;

namespace Crew.Storage;

/// <summary>Takes a whole copy into PostgreSQL in one transaction: schema as recorded, rows, rules, the rest of the schema, the check.</summary>
internal sealed class PostgresRestore(NpgsqlConnection connection, PostgresRoles roles, StorageModel model, TimeProvider clock)
{
    public async Task<Outcome<TransferReport>> RunAsync(TransferReader reader, Func<NpgsqlTransaction, Task<Fault?>> check, CancellationToken cancel)
    {
        try
        {
            return await TakeAsync(reader, check, cancel);
        }
        catch (TransferDamagedException)
        {
            return TransferFaults.Damaged;
        }
        catch (PostgresException error) when (error.SqlState is [ '2', '3', ..] or [ '2', '2', ..])
        {
            // A constraint or a type refuses what no healthy copy holds.
            return TransferFaults.Damaged;
        }
        catch (NpgsqlException error) when (PostgresErrors.IsUnavailable(error))
        {
            return Faults.StorageUnavailable;
        }
    }

    private async Task<Outcome<TransferReport>> TakeAsync(TransferReader reader, Func<NpgsqlTransaction, Task<Fault?>> check, CancellationToken cancel)
    {
        var header = await reader.HeaderAsync(cancel);
        if (header.Format != TransferFormat.Version)
        {
            return TransferFaults.UnknownFormat(header.Format);
        }

        var files = TransferPlan.Split(model, "postgres", header);
        if (files.Failed(out var unknown))
        {
            return unknown;
        }

        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await PostgresSchema.LockAsync(connection, cancel);
        if (await PostgresSchema.ExistsAsync(connection, cancel))
        {
            return TransferFaults.NotEmpty;
        }

        await PostgresSchema.ExecuteAsync(connection, roles.CreateScript(), cancel);
        await PostgresSchema.ExecuteAsync(connection, SchemaFiles.AppliedTable, cancel);
        await PostgresSchema.ApplyAsync(connection, roles, files.Value.Before, clock, cancel);
        var rules = TransferPlan.Rules(model);
        var import = new PostgresImport(connection, roles, rules, await PostgresCatalog.TablesAsync(connection, model, rules, cancel));
        var report = await import.TakeAsync(reader, header, cancel);
        await import.FinishAsync(cancel);
        await PostgresSchema.ApplyAsync(connection, roles, files.Value.After, clock, cancel);
        await PostgresSchema.ExecuteAsync(connection, TransferTarget.Announce(clock), cancel);
        await PostgresSchema.ExecuteAsync(connection, roles.Fill("SET LOCAL ROLE {system}"), cancel);
        if (await check(transaction) is { } refused)
        {
            return refused;
        }

        CrashPoint.Pass(CrashPoints.PostgresRestoreCommitBefore);
        await transaction.CommitAsync(cancel);
        CrashPoint.Pass(CrashPoints.PostgresRestoreCommitAfter);
        return report;
    }
}
