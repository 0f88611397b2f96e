using Npgsql;
using NpgsqlTypes;

namespace Crew.Storage;

/// <summary>Gathers rows of one append table column by column, and writes them with one <c>INSERT … SELECT unnest</c>.</summary>
internal sealed class PostgresColumns(AppendTable table) : IRowWriter
{
    private readonly List<object?>[] _columns = [.. table.Columns.Select(_ => new List<object?>())];
    private int _next;

    public void Add(AppendRow row)
    {
        _next = 0;
        row.Write(this);
        if (_next != table.Columns.Count)
        {
            throw new InvalidOperationException($"{table.Name} has {table.Columns.Count} columns, its row wrote {_next}.");
        }
    }

    public void Text(string? value) => _columns[_next++].Add(value);

    public void Integer(long? value) => _columns[_next++].Add(value);

    public void Blob(byte[]? value) => _columns[_next++].Add(value);

    public NpgsqlBatchCommand ToCommand()
    {
        var names = string.Join(", ", table.Columns.Select(c => c.Name));
        var arrays = string.Join(", ", table.Columns.Select((c, i) => $"${i + 1}::{TypeName(c.Kind)}[]"));
        var command = new NpgsqlBatchCommand($"INSERT INTO {table.Name} ({names}) SELECT * FROM unnest({arrays})");
        for (var index = 0; index < _columns.Length; index++)
        {
            command.Parameters.Add(Parameter(table.Columns[index].Kind, _columns[index]));
        }

        return command;
    }

    private static NpgsqlParameter Parameter(ColumnKind kind, List<object?> values) => kind switch
    {
        ColumnKind.Text => new NpgsqlParameter<string?[]> { TypedValue = [.. values.Select(v => (string?)v)], NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text },
        ColumnKind.Integer => new NpgsqlParameter<long?[]> { TypedValue = [.. values.Select(v => (long?)v)], NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bigint },
        _ => new NpgsqlParameter<byte[]?[]> { TypedValue = [.. values.Select(v => (byte[]?)v)], NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bytea },
    };

    private static string TypeName(ColumnKind kind) => kind switch
    {
        ColumnKind.Text => "text",
        ColumnKind.Integer => "bigint",
        _ => "bytea",
    };
}
