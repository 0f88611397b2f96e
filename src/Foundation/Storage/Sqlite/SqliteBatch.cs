using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Crew.Storage;

/// <summary>
/// The write connection with its prepared statements, used by the writing thread only. Rows go through the C interface:
/// on the hot path a command object per row would cost more than the row.
/// </summary>
internal sealed class SqliteBatch(SqliteConnection connection, TimeProvider clock) : IDisposable
{
    private readonly Dictionary<string, sqlite3_stmt> _statements = [];
    private readonly Dictionary<(CounterTable, string), long> _sums = [];
    private readonly SqliteBind _writer = new();
    private readonly Dictionary<AppendTable, SqliteNumbers> _numbers = [];

    public SqliteConnection Connection { get; } = connection;

    public void Execute(string sql) => Check(raw.sqlite3_exec(Connection.Handle, sql));

    public void Begin() => Step(Prepare("BEGIN IMMEDIATE"));

    public void Commit() => Step(Prepare("COMMIT"));

    /// <summary>Moves what is left of the WAL into the database, between two batches; what a reader or another process forbids stays.</summary>
    public void Checkpoint() => raw.sqlite3_exec(Connection.Handle, "PRAGMA wal_checkpoint(PASSIVE)");

    /// <summary>Writes the rows of one append work; its counters are summed up for <see cref="WriteCounters"/>.</summary>
    public void Write(AppendWork work)
    {
        work.BeforeWrite();
        foreach (var row in work.Rows)
        {
            Insert(row);
        }

        foreach (var delta in work.Counters)
        {
            var key = (delta.Table, delta.Key);
            _sums[key] = _sums.GetValueOrDefault(key) + delta.Amount;
        }
    }

    /// <summary>Writes what a management transaction appended, and its marks on the change feed.</summary>
    public void Write(Db db)
    {
        foreach (var row in db.Appended)
        {
            Insert(row);
        }

        foreach (var (topic, subject) in db.Touched)
        {
            Step(Prepare("UPDATE storage_feed SET version = version + 1"));
            var insert = Prepare("INSERT INTO storage_changes (version, topic, subject, at) SELECT version, ?, ?, ? FROM storage_feed");
            raw.sqlite3_bind_text(insert, 1, topic);
            raw.sqlite3_bind_text(insert, 2, subject);
            raw.sqlite3_bind_int64(insert, 3, clock.GetUtcNow().ToUnixTimeMilliseconds());
            Step(insert);
        }
    }

    public void WriteCounters()
    {
        foreach (var ((table, key), amount) in _sums)
        {
            var update = Prepare($"UPDATE {table.Name} SET {table.SumColumn} = {table.SumColumn} + ? WHERE {table.KeyColumn} = ?");
            raw.sqlite3_bind_int64(update, 1, amount);
            raw.sqlite3_bind_text(update, 2, key);
            Step(update);
        }

        _sums.Clear();
    }

    /// <summary>Moves the marks of the numbers given in this batch; the last thing before its commit.</summary>
    public void MoveMarks()
    {
        foreach (var numbers in _numbers.Values)
        {
            numbers.End();
        }
    }

    /// <summary>Forgets sums and numbers of a batch that was rolled back.</summary>
    public void Forget()
    {
        _sums.Clear();
        foreach (var numbers in _numbers.Values)
        {
            numbers.Forget();
        }
    }

    /// <summary>A part of the batch was rolled back: the numbers that it took are free again.</summary>
    public void ReadNumbersAgain()
    {
        foreach (var numbers in _numbers.Values)
        {
            numbers.ReadAgain();
        }
    }

    public void Dispose()
    {
        foreach (var statement in _statements.Values)
        {
            raw.sqlite3_finalize(statement);
        }

        Connection.Dispose();
    }

    private void Insert(AppendRow row)
    {
        var table = row.Table;
        var numbers = table.Numbering is null ? null : NumbersOf(table);
        var statement = Prepare(table);
        _writer.Start(statement);
        if (numbers is not null)
        {
            _writer.Integer(numbers.NextPlace());
        }

        var first = _writer.Bound;
        row.Write(_writer);
        if (_writer.Bound - first != table.Columns.Count)
        {
            throw new InvalidOperationException($"{table.Name} has {table.Columns.Count} columns, its row wrote {_writer.Bound - first}.");
        }

        Step(statement);
        if (numbers is { IsCurrent: true })
        {
            InsertLeaf((NumberedRow)row, numbers);
        }
    }

    /// <summary>A row without its number must not be committed, so a leaf that is refused takes the whole batch with it.</summary>
    private void InsertLeaf(NumberedRow row, SqliteNumbers numbers)
    {
        try
        {
            Insert(row.LeafAt(numbers.NextNumber(row.LogId)));
        }
        catch (SqliteException refused) when (!SqliteErrors.IsUnavailable(refused))
        {
            throw new InvalidOperationException($"A leaf of {row.Table.Name} was refused.", refused);
        }
    }

    private SqliteNumbers NumbersOf(AppendTable table)
    {
        if (!_numbers.TryGetValue(table, out var numbers))
        {
            _numbers[table] = numbers = new SqliteNumbers(this, table);
        }

        return numbers;
    }

    private sqlite3_stmt Prepare(AppendTable table)
    {
        if (_statements.TryGetValue(table.Name, out var statement))
        {
            return statement;
        }

        IEnumerable<string> columns = table.Columns.Select(column => column.Name);
        columns = table.Numbering is { } numbering ? columns.Prepend(numbering.PlaceColumn) : columns;
        return Keep(table.Name, $"INSERT INTO {table.Name} ({string.Join(", ", columns)}) VALUES ({string.Join(", ", columns.Select(_ => "?"))})");
    }

    /// <summary>The first column of the first row of a query, with at most one text parameter; zero for NULL and for no row.</summary>
    internal long ReadNumber(string sql, string? parameter = null)
    {
        var statement = Prepare(sql);
        if (parameter is not null)
        {
            raw.sqlite3_bind_text(statement, 1, parameter);
        }

        var result = raw.sqlite3_step(statement);
        var number = result == raw.SQLITE_ROW ? raw.sqlite3_column_int64(statement, 0) : 0;
        raw.sqlite3_reset(statement);
        Check(result);
        return number;
    }

    /// <summary>Runs a statement with one number as its parameter.</summary>
    internal void Execute(string sql, long number)
    {
        var statement = Prepare(sql);
        raw.sqlite3_bind_int64(statement, 1, number);
        Step(statement);
    }

    private sqlite3_stmt Prepare(string sql) => _statements.TryGetValue(sql, out var statement) ? statement : Keep(sql, sql);

    private sqlite3_stmt Keep(string name, string sql)
    {
        Check(raw.sqlite3_prepare_v3(Connection.Handle, sql, raw.SQLITE_PREPARE_PERSISTENT, out var statement));
        return _statements[name] = statement;
    }

    private void Step(sqlite3_stmt statement)
    {
        var result = raw.sqlite3_step(statement);
        raw.sqlite3_reset(statement);
        if (result is not (raw.SQLITE_DONE or raw.SQLITE_ROW))
        {
            Check(result);
        }
    }

    private void Check(int result)
    {
        if (result is not (raw.SQLITE_OK or raw.SQLITE_DONE or raw.SQLITE_ROW))
        {
            SqliteException.ThrowExceptionForRC(result, Connection.Handle);
        }
    }
}
