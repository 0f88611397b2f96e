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

    /// <summary>Where its rows are numbered in the commit itself; null for rows that carry no number.</summary>
    public CommitNumbering? Numbering { get; init; }
}

/// <summary>
/// How rows of several logs get their place and their number in commit order where one writer makes every commit (SQLite):
/// within the commit. The row takes the next place of the table, the leaf beside it the next number of its log, and the mark is
/// moved to the last place, all in one transaction. With several writers (PostgreSQL) a job does the same behind the mark.
/// </summary>
/// <param name="PlaceColumn">Column of the row that holds its place.</param>
/// <param name="MarkTable">Table of one row whose column of the same name says up to which place all rows have their number.</param>
/// <param name="Leaves">Table of the leaves.</param>
/// <param name="LogColumn">Column of the leaves that names the log.</param>
/// <param name="NumberColumn">Column of the leaves that holds the number.</param>
public sealed record CommitNumbering(string PlaceColumn, string MarkTable, AppendTable Leaves, string LogColumn, string NumberColumn);

/// <summary>One row for an <see cref="AppendTable"/>. It writes its values in the order of the table's columns.</summary>
public abstract class AppendRow
{
    public abstract AppendTable Table { get; }

    public abstract void Write(IRowWriter writer);

    /// <summary>
    /// Runs once the transaction that <see cref="Db.Append"/> added the row to has committed: a hint for whoever waits for such rows. It may be
    /// left out (the process died, the answer of the commit was lost), must be quick, and must not throw.
    /// </summary>
    public virtual void Committed()
    {
    }
}

/// <summary>A row of a table with a <see cref="CommitNumbering"/>.</summary>
public abstract class NumberedRow : AppendRow
{
    /// <summary>The log that the row belongs to.</summary>
    public abstract string LogId { get; }

    /// <summary>The leaf that gives the row its number.</summary>
    public abstract AppendRow LeafAt(long number);
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
