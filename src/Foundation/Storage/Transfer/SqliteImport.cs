using Microsoft.Data.Sqlite;

namespace Crew.Storage;

/// <summary>Takes a copy into a fresh SQLite database, within the transaction that is open on the connection.</summary>
internal sealed class SqliteImport(SqliteConnection connection, StorageModel model) : TransferTarget, IDisposable
{
    private readonly IReadOnlyDictionary<string, TransferRule> _rules = TransferPlan.Rules(model);
    private readonly IReadOnlyDictionary<string, TransferTable> _tables =
        SqliteCatalog.Tables(connection, model, TransferPlan.Rules(model)).ToDictionary(t => t.Name, StringComparer.Ordinal);

    private SqliteCommand? _insert;

    /// <summary>Runs what the rules ask for after the last row.</summary>
    public void Finish()
    {
        foreach (var finish in _rules.Values.Select(r => r.Finish).OfType<DialectSql>())
        {
            Execute(finish.Sqlite);
        }
    }

    public void Dispose() => _insert?.Dispose();

    protected override Task BeginTableAsync(TransferTable table, CancellationToken cancel)
    {
        var known = _tables.GetValueOrDefault(table.Name) ?? throw new TransferDamagedException();
        Execute($"DELETE FROM {known.Name}");
        var extra = _rules.GetValueOrDefault(table.Name)?.Extra?.Name;
        var columns = table.Columns.Select(c => c.Name == extra || known.Columns.Any(k => k.Name == c.Name) ? c.Name : throw new TransferDamagedException()).ToList();
        var taken = columns.Where(c => c != extra).ToList();
        _insert?.Dispose();
        _insert = connection.CreateCommand();
        _insert.CommandText = $"INSERT INTO {known.Name} ({string.Join(", ", taken.Select(c => $"\"{c}\""))}) VALUES ({string.Join(", ", taken.Select(c => "$" + c))})";
        foreach (var column in columns)
        {
            // A parameter that the statement does not name is passed over: so the extra column is dropped.
            _insert.Parameters.Add(new SqliteParameter("$" + column, DBNull.Value));
        }

        return Task.CompletedTask;
    }

    protected override ValueTask AddAsync(object?[] row, CancellationToken cancel)
    {
        for (var index = 0; index < row.Length; index++)
        {
            _insert!.Parameters[index].Value = row[index] switch
            {
                null => DBNull.Value,
                bool flag => flag ? 1L : 0L,
                var value => value,
            };
        }

        _insert!.ExecuteNonQuery();
        return ValueTask.CompletedTask;
    }

    protected override Task EndTableAsync(CancellationToken cancel) => Task.CompletedTask;

    private void Execute(string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
