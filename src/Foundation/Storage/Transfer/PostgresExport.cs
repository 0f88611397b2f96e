using System.Data;
using Crew.Kernel;
using Npgsql;

namespace Crew.Storage;

/// <summary>
/// Copies a PostgreSQL database out of one REPEATABLE READ, READ ONLY transaction under the role <c>system</c>, whose policies see
/// all rows. It takes no transaction id, so it holds up neither writers nor the audit log's sequencer.
/// </summary>
internal sealed class PostgresExport(NpgsqlConnection connection, PostgresRoles roles, StorageModel model)
{
    private readonly IReadOnlyDictionary<string, TransferRule> _rules = TransferPlan.Rules(model);

    public async Task<Outcome<TransferReport>> RunAsync(Stream target, string crewVersion, DateTimeOffset now, CancellationToken cancel)
    {
        await using var transaction = await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancel);
        await PostgresSchema.ExecuteAsync(connection, "SET TRANSACTION READ ONLY", cancel);
        var header = new TransferHeader(TransferFormat.Version, crewVersion, "postgres", await PostgresCatalog.SchemaAsync(connection, cancel), now);
        if (TransferPlan.Split(model, "postgres", header).Failed(out var fault))
        {
            return fault;
        }

        var tables = await PostgresCatalog.CopiedAsync(connection, model, _rules, cancel);
        await PostgresSchema.ExecuteAsync(connection, roles.Fill("SET LOCAL ROLE {system}"), cancel);
        using var writer = new TransferWriter(target);
        writer.Header(header);
        foreach (var table in tables)
        {
            await CopyAsync(writer, table, cancel);
        }

        await writer.CompleteAsync(cancel);
        return new TransferReport(header, writer.Rows, writer.Bytes);
    }

    private async Task CopyAsync(TransferWriter writer, TransferTable table, CancellationToken cancel)
    {
        var rule = _rules.GetValueOrDefault(table.Name);
        var values = table.Columns.Select(c => $"\"{c.Name}\"").ToList();
        var columns = table.Columns.ToList();
        if (rule?.Extra is { } extra)
        {
            values.Add(extra.Value.Postgres);
            columns.Add(new TransferColumn(extra.Name, TransferKind.Integer));
        }

        var order = rule?.Order is { } by ? $" ORDER BY {by.Postgres}" : "";
        await using var command = new NpgsqlCommand($"SELECT {string.Join(", ", values)} FROM {table.Name}{order}", connection) { CommandTimeout = 0 };
        await using var reader = await command.ExecuteReaderAsync(CommandBehavior.SequentialAccess, cancel);
        writer.BeginTable(new TransferTable(table.Name, columns));
        while (await reader.ReadAsync(cancel))
        {
            writer.BeginRow();
            for (var index = 0; index < columns.Count; index++)
            {
                writer.Value(reader.GetValue(index));
            }

            await writer.EndRowAsync(cancel);
        }

        writer.EndTable();
    }
}
