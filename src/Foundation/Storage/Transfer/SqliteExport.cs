using Crew.Kernel;
using Microsoft.Data.Sqlite;

namespace Crew.Storage;

/// <summary>Copies an SQLite database out of one read transaction; writers go on meanwhile.</summary>
internal sealed class SqliteExport(SqliteConnection connection, StorageModel model)
{
    private readonly IReadOnlyDictionary<string, TransferRule> _rules = TransferPlan.Rules(model);

    public async Task<Outcome<TransferReport>> RunAsync(Stream target, string crewVersion, DateTimeOffset now, CancellationToken cancel)
    {
        var header = new TransferHeader(TransferFormat.Version, crewVersion, "sqlite", SqliteCatalog.Schema(connection), now);
        if (TransferPlan.Split(model, "sqlite", header).Failed(out var fault))
        {
            return fault;
        }

        using var writer = new TransferWriter(target);
        writer.Header(header);
        foreach (var table in SqliteCatalog.Tables(connection, model, _rules))
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
            values.Add(extra.Value.Sqlite);
            columns.Add(new TransferColumn(extra.Name, TransferKind.Integer));
        }

        using var command = connection.CreateCommand();
        command.CommandText = $"SELECT {string.Join(", ", values)} FROM {table.Name}{(rule?.Order is { } order ? $" ORDER BY {order.Sqlite}" : "")}";
        command.CommandTimeout = 0;
        using var reader = command.ExecuteReader();
        writer.BeginTable(new TransferTable(table.Name, columns));
        while (reader.Read())
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
