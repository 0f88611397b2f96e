namespace Crew.Storage;

/// <summary>The storage class of a column in an append table.</summary>
public enum ColumnKind
{
    Text,
    Integer,
    Blob,
}

/// <summary>A column of an append table.</summary>
public sealed record AppendColumn(string Name, ColumnKind Kind);

/// <summary>
/// A table that only grows: rows are written by the committer in shared commits, with prepared statements on SQLite and
/// <c>INSERT … SELECT unnest</c> on PostgreSQL.
/// </summary>
public sealed class AppendTable(string name, params AppendColumn[] columns)
{
    public string Name { get; } = name;

    public IReadOnlyList<AppendColumn> Columns { get; } = columns;
}

/// <summary>One row for an <see cref="AppendTable"/>. It writes its values in the order of the table's columns.</summary>
public abstract class AppendRow
{
    public abstract AppendTable Table { get; }

    public abstract void Write(IRowWriter writer);
}

/// <summary>Takes the values of one row, column by column. One implementation per database.</summary>
public interface IRowWriter
{
    void Text(string? value);

    void Integer(long? value);

    void Blob(byte[]? value);
}

/// <summary>A table of running sums, one text key; the committer adds all deltas of a flush in one statement per key.</summary>
public sealed record CounterTable(string Name, string KeyColumn, string SumColumn);

/// <summary>An amount to add to the sum that <paramref name="Key"/> names. The row must exist.</summary>
public readonly record struct CounterDelta(CounterTable Table, string Key, long Amount);
