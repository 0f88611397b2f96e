namespace Crew.Storage;

/// <summary>The same statement or expression in the words of either database.</summary>
public sealed record DialectSql(string Sqlite, string Postgres)
{
    public string For(string dialect) => dialect == "sqlite" ? Sqlite : Postgres;
}

/// <summary>
/// How a table travels between databases when a plain copy of its columns is not enough. A module states it beside its schema;
/// tables without a rule are copied column by column.
/// </summary>
public sealed record TransferRule(string Table)
{
    /// <summary>The table is left as the schema files made it; <see cref="Finish"/> sets it.</summary>
    public bool StaysBehind { get; init; }

    /// <summary>Columns that each database gives by itself, such as positions; they are not copied.</summary>
    public IReadOnlyList<string> LocalColumns { get; init; } = [];

    /// <summary>The order of the rows in a copy, where it matters: an <c>ORDER BY</c> list.</summary>
    public DialectSql? Order { get; init; }

    /// <summary>An integer that is computed for each row when it is copied.</summary>
    public TransferExtra? Extra { get; init; }

    /// <summary>Statements after the last row of the whole copy was taken in, in the same transaction.</summary>
    public DialectSql? Finish { get; init; }
}

/// <summary>A computed integer of a copied row.</summary>
/// <param name="Name">Its name in the copy; no column of the table has it.</param>
/// <param name="Value">The expression that gives it.</param>
/// <param name="PostgresColumn">The column of type <c>xid8</c> that takes it on PostgreSQL. SQLite drops it.</param>
public sealed record TransferExtra(string Name, DialectSql Value, string PostgresColumn);
