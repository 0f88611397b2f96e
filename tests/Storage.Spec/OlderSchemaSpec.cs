using Crew.Kernel;
using Crew.Testing;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Crew.Storage.Spec;

/// <summary>A copy that an older version made comes in at its own schema level, and is then brought to today's, its rows with it.</summary>
public sealed class OlderSchemaSpec : IDisposable
{
    private const string Rows = """
        INSERT INTO spec_notes (id, workspace_id, text, version) VALUES ('n1', 'ws_a', 'first', 1), ('n2', 'ws_b', 'second', 3);
        INSERT INTO spec_rows (id, organization_id, workspace_id, number) VALUES ('r1', 'org_a', 'ws_a', 7);
        """;

    private readonly StorageModel _model = new(new SpecPart());
    private readonly string _folder = Directory.CreateTempSubdirectory("crew-older-").FullName;

    public static TheoryData<string, string> Directions => new()
    {
        { "sqlite", "sqlite" }, { "sqlite", "postgres" }, { "postgres", "sqlite" }, { "postgres", "postgres" },
    };

    [Theory]
    [MemberData(nameof(Directions))]
    public async Task A_copy_of_an_older_schema_is_restored_and_brought_up_to_date(string from, string to)
    {
        Assert.SkipUnless(PostgresServer.IsAvailable, "There is no PostgreSQL here.");
        using var copy = new MemoryStream();
        await using (var older = await OlderAsync(from))
        {
            (await older.PendingAsync()).Value.ShouldBe(Later(from));
            var report = (await older.ExportAsync(copy, "0.1.0")).Value;
            report.Header.Schema.ShouldNotContain(s => s.Number > 1);
        }

        copy.Position = 0;
        await using var restored = await OpenAsync(to, "restored");
        (await restored.ImportAsync(copy, _ => Task.FromResult<Fault?>(null))).Value.Rows["spec_notes"].ShouldBe(2);
        (await restored.PendingAsync()).Value.ShouldBe(0);
        (await restored.StartAsync()).Fault.ShouldBeNull();
        (await KindsAsync(restored)).ShouldBe(["n1 first from before", "n2 second from before"]);

        await restored.ChangeAsync<bool>(new Tenant("org_a", "ws_a"), Origin.System, db =>
        {
            db.Add(new Note { Id = "n3", WorkspaceId = "ws_a", Text = "third" });
            return Task.FromResult<Outcome<bool>>(true);
        });
        (await KindsAsync(restored)).ShouldContain("n3 third plain");
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task A_migration_that_was_interrupted_between_versions_goes_on(string dialect)
    {
        Assert.SkipUnless(PostgresServer.IsAvailable, "There is no PostgreSQL here.");
        await using var older = await OlderAsync(dialect);
        (await older.MigrateAsync()).Value.ShouldBe(Later(dialect));
        (await older.StartAsync()).Fault.ShouldBeNull();
        (await KindsAsync(older)).ShouldBe(["n1 first from before", "n2 second from before"]);
        (await older.MigrateAsync()).Value.ShouldBe(0);
    }

    public void Dispose()
    {
        SqliteConnection.ClearAllPools();
        Directory.Delete(_folder, true);
    }

    private static Task<List<string>> KindsAsync(Store store) => store.ReadAsync(SystemJob.OperatorCommand,
        db => db.Database.SqlQueryRaw<string>("SELECT id || ' ' || text || ' ' || kind AS \"Value\" FROM spec_notes ORDER BY id").ToListAsync());

    /// <summary>A database as the first version left it, with rows.</summary>
    private async Task<Store> OlderAsync(string dialect)
    {
        var first = SchemaFiles.Of(_model, dialect).Where(f => f.Number == 1).ToList();
        first.Count.ShouldBeLessThan(SchemaFiles.Of(_model, dialect).Count);
        if (dialect == "sqlite")
        {
            var options = new StoreOptions { DataFolder = Path.Combine(_folder, "older") };
            Directory.CreateDirectory(options.DataFolder);
            using var connection = new SqliteConnection($"Data Source={options.SqliteFile};Pooling=False");
            connection.Open();
            Execute(connection, SchemaFiles.AppliedTable);
            SqliteSchema.Apply(connection, first, TimeProvider.System);
            Execute(connection, Rows);
            return Store.Open(options, _model, [new SpecSink()], TimeProvider.System);
        }

        var place = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();
        var roles = new PostgresRoles(place);
        await using var session = new NpgsqlConnection(place);
        await session.OpenAsync();
        await using var transaction = await session.BeginTransactionAsync();
        await PostgresSchema.ExecuteAsync(session, roles.CreateScript(), default);
        await PostgresSchema.ExecuteAsync(session, SchemaFiles.AppliedTable, default);
        await PostgresSchema.ApplyAsync(session, roles, first, TimeProvider.System, default);
        await PostgresSchema.ExecuteAsync(session, roles.Fill("SET LOCAL ROLE {system};") + Rows, default);
        await transaction.CommitAsync();
        return Store.Open(Postgres(place), _model, [new SpecSink()], TimeProvider.System);
    }

    private async Task<Store> OpenAsync(string dialect, string name) => Store.Open(
        dialect == "sqlite" ? new StoreOptions { DataFolder = Path.Combine(_folder, name) } : Postgres(await (await PostgresServer.SharedAsync()).CreateDatabaseAsync()),
        _model, [new SpecSink()], TimeProvider.System);

    /// <summary>How many files came after the first version.</summary>
    private int Later(string dialect) => SchemaFiles.Of(_model, dialect).Count(f => f.Number > 1);

    private StoreOptions Postgres(string connection) => new() { DataFolder = _folder, PostgresConnectionString = connection };

    private static void Execute(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
