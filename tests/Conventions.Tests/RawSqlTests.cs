using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Crew.Conventions.Tests;

/// <summary>
/// SQL written by hand escapes the query filters that keep tenants apart, so it stands where reviewers look for it: in Storage, and in
/// a module's append and read paths and schema steps, which say so in the name of the file.
/// </summary>
internal static partial class RawSql
{
    private static readonly HashSet<string> Tools =
    [
        "CommandText", "CreateCommand", "CreateBatch", "CreateBatchCommand", "DbCommand", "DbBatchCommand", "NpgsqlCommand",
        "NpgsqlBatchCommand", "SqliteCommand",
        "ExecuteSqlRaw", "ExecuteSqlRawAsync", "ExecuteSql", "ExecuteSqlAsync", "ExecuteSqlInterpolated",
        "ExecuteSqlInterpolatedAsync", "FromSql", "FromSqlRaw", "FromSqlInterpolated", "SqlQuery", "SqlQueryRaw",
    ];

    public static readonly HouseRule Rule = new("raw-sql", files =>
        from file in files
        where file.IsProduct && !Home().IsMatch(file.Path)
        from name in file.Nodes<SimpleNameSyntax>()
        where Tools.Contains(name.Identifier.Text)
        select file.Accuse(name, $"'{name.Identifier.Text}': SQL by hand belongs to Storage or a *Append.cs, *Read.cs, *Schema.cs"));

    [GeneratedRegex(@"^src/Foundation/Storage/|(Append|Read|Schema)\.cs$|/Schema/")]
    private static partial Regex Home();
}

public sealed class RawSqlTests
{
    [Fact]
    public void Sql_by_hand_stands_where_reviewers_look_for_it() => RawSql.Rule.ShouldHold();

    [Theory]
    [InlineData("src/Keys/RollKey.cs", 2)]
    [InlineData("src/Keys/KeyRead.cs", 0)]
    [InlineData("src/Audit/RecordAppend.cs", 0)]
    [InlineData("src/Foundation/Storage/Db.cs", 0)]
    [InlineData("src/Foundation/Http/Paging.cs", 2)]
    [InlineData("tests/Keys.Tests/KeyTests.cs", 0)]
    public void Sql_elsewhere_is_found(string path, int offenders) =>
        RawSql.Rule.Judge(path, "class A { void M() { var c = new NpgsqlCommand(); c.CommandText = \"SELECT 1\"; } }")
            .Count.ShouldBe(offenders);
}
