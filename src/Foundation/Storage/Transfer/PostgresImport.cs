using System.Text;
using Npgsql;
using NpgsqlTypes;

namespace Crew.Storage;

/// <summary>
/// Takes a copy into PostgreSQL, within the transaction that is open on the connection: a few hundred rows at a time, as arrays.
/// (COPY is not allowed on tables with row-level security.) Tables under policies are written as <c>system</c>, the others as their owner.
/// </summary>
internal sealed class PostgresImport(
    NpgsqlConnection connection, PostgresRoles roles, IReadOnlyDictionary<string, TransferRule> rules, IReadOnlyList<PostgresTable> tables) : TransferTarget
{
    private const int BatchRows = 1_000;
    private const long BatchBytes = 8 * 1024 * 1024;
    private readonly List<object?[]> _batch = new(BatchRows);
    private TransferTable _table = new("", []);
    private string _insert = "";
    private long _bytes;

    /// <summary>Runs what the rules ask for after the last row.</summary>
    public async Task FinishAsync(CancellationToken cancel)
    {
        await EnterAsync(secured: true, cancel);
        foreach (var finish in rules.Values.Select(r => r.Finish).OfType<DialectSql>())
        {
            await PostgresSchema.ExecuteAsync(connection, finish.Postgres, cancel);
        }

        await EnterAsync(secured: false, cancel);
    }

    protected override async Task BeginTableAsync(TransferTable table, CancellationToken cancel)
    {
        var known = tables.FirstOrDefault(t => t.Name == table.Name) ?? throw new TransferDamagedException();
        await EnterAsync(known.IsSecured, cancel);
        await PostgresSchema.ExecuteAsync(connection, $"DELETE FROM {known.Name}", cancel);
        var extra = rules.GetValueOrDefault(table.Name)?.Extra;
        var (names, values, arrays) = (new List<string>(), new List<string>(), new List<string>());
        foreach (var (index, column) in table.Columns.Index())
        {
            var into = extra?.Name == column.Name ? extra.PostgresColumn : column.Name;
            var type = known.Columns.FirstOrDefault(c => c.Name == into)?.Type ?? throw new TransferDamagedException();
            names.Add($"\"{into}\"");
            values.Add(Convert(column.Kind, type, $"v{index}"));
            arrays.Add($"${index + 1}::{TypeOf(column.Kind)}[]");
        }

        var aliases = string.Join(", ", values.Select((_, index) => $"v{index}"));
        _insert = $"INSERT INTO {known.Name} ({string.Join(", ", names)}) SELECT {string.Join(", ", values)} FROM unnest({string.Join(", ", arrays)}) AS t({aliases})";
        _table = table;
    }

    protected override ValueTask AddAsync(object?[] row, CancellationToken cancel)
    {
        _batch.Add(row);
        foreach (var value in row)
        {
            _bytes += value switch
            {
                string text => Encoding.UTF8.GetByteCount(text),
                byte[] blob => blob.Length,
                _ => 8,
            };
        }

        return _batch.Count < BatchRows && _bytes < BatchBytes ? ValueTask.CompletedTask : new ValueTask(FlushAsync(cancel));
    }

    protected override Task EndTableAsync(CancellationToken cancel) => FlushAsync(cancel);

    private static string TypeOf(TransferKind kind) => kind switch
    {
        TransferKind.Text => "text",
        TransferKind.Blob => "bytea",
        TransferKind.Boolean => "boolean",
        _ => "bigint",
    };

    private static string Convert(TransferKind from, string to, string value) => (from, to) switch
    {
        (TransferKind.Integer, "bool") => $"{value} <> 0",
        (TransferKind.Integer, "xid8") => $"{value}::text::xid8",
        (TransferKind.Boolean, "int2" or "int4" or "int8") => $"{value}::int",
        _ => $"{value}::{to}",
    };

    private async Task EnterAsync(bool secured, CancellationToken cancel) =>
        await PostgresSchema.ExecuteAsync(connection, secured ? roles.Fill("SET LOCAL ROLE {system}") : "RESET ROLE", cancel);

    private async Task FlushAsync(CancellationToken cancel)
    {
        if (_batch.Count == 0)
        {
            return;
        }

        await using var command = new NpgsqlCommand(_insert, connection) { CommandTimeout = 0 };
        foreach (var (index, column) in _table.Columns.Index())
        {
            command.Parameters.Add(Parameter(column.Kind, index));
        }

        await command.ExecuteNonQueryAsync(cancel);
        _batch.Clear();
        _bytes = 0;
    }

    private NpgsqlParameter Parameter(TransferKind kind, int index) => kind switch
    {
        TransferKind.Text => new NpgsqlParameter<string?[]> { TypedValue = [.. _batch.Select(r => Held<string>(r[index]))], NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text },
        TransferKind.Blob => new NpgsqlParameter<byte[]?[]> { TypedValue = [.. _batch.Select(r => Held<byte[]>(r[index]))], NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bytea },
        TransferKind.Boolean => new NpgsqlParameter<bool?[]> { TypedValue = [.. _batch.Select(r => HeldValue<bool>(r[index]))], NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Boolean },
        _ => new NpgsqlParameter<long?[]> { TypedValue = [.. _batch.Select(r => HeldValue<long>(r[index]))], NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bigint },
    };

    private static T? Held<T>(object? value)
        where T : class => value is null ? null : value as T ?? throw new TransferDamagedException();

    private static T? HeldValue<T>(object? value)
        where T : struct => value is null ? null : value as T? ?? throw new TransferDamagedException();
}
