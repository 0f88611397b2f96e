using Crew.Audit;
using Crew.Gateway;
using Crew.Http;
using Crew.Identity;
using Crew.Keys;
using Crew.Sealing;
using Crew.Spend;
using Crew.Tenancy;
using Crew.Webhooks;
using Crew.Testing;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Crew.Storage.Spec;

/// <summary>The SQL files are written by hand; these tests compare them with the database that the mapped model would make.</summary>
public sealed class ProductSchemaSpec
{
    private static readonly StorageModel Product = new(StoredKeys.Part, HttpModule.Part, TenancyModule.Part, AuditModule.Part, SpendModule.Part, KeysModule.Part, GatewayModule.Part,
        IdentityModule.Part, WebhooksModule.Part);

    [Fact]
    public async Task An_entity_that_names_no_owner_is_refused()
    {
        var folder = Directory.CreateTempSubdirectory("crew-owner-").FullName;
        await using (var store = Store.Open(new StoreOptions { DataFolder = folder }, new StorageModel(new OwnerlessPart()), [], TimeProvider.System))
        {
            Should.Throw<InvalidOperationException>(store.GenerateModelScript).Message.ShouldStartWith("Ownerless names no owner.");
        }

        Directory.Delete(folder, true);
    }

    [Fact]
    public async Task The_written_SQLite_schema_equals_the_model()
    {
        var folder = Directory.CreateTempSubdirectory("crew-schema-").FullName;
        var options = new StoreOptions { DataFolder = folder };
        await using (var store = Store.Open(options, Product, [], TimeProvider.System))
        {
            (await store.MigrateAsync()).Fault.ShouldBeNull();
            await using var written = new SqliteConnection($"Data Source={options.SqliteFile}");
            await written.OpenAsync();
            await using var modelled = new SqliteConnection("Data Source=:memory:");
            await modelled.OpenAsync();
            await using var script = modelled.CreateCommand();
            script.CommandText = store.GenerateModelScript();
            await script.ExecuteNonQueryAsync();
            Report(SchemaShape.Differences(await SchemaShape.OfSqliteAsync(written), await SchemaShape.OfSqliteAsync(modelled)));
        }

        Directory.Delete(folder, true);
    }

    [Fact]
    public async Task The_written_PostgreSQL_schema_equals_the_model()
    {
        var server = await PostgresServer.SharedAsync();
        var writtenAt = await server.CreateDatabaseAsync();
        await using var store = Store.Open(new StoreOptions { DataFolder = "", PostgresConnectionString = writtenAt }, Product, [], TimeProvider.System);
        (await store.MigrateAsync()).Fault.ShouldBeNull();
        await using var written = new NpgsqlConnection(writtenAt);
        await written.OpenAsync();
        await using var modelled = new NpgsqlConnection(await server.CreateDatabaseAsync());
        await modelled.OpenAsync();
        await using var script = new NpgsqlCommand(store.GenerateModelScript(), modelled);
        await script.ExecuteNonQueryAsync();
        Report(SchemaShape.Differences(await SchemaShape.OfPostgresAsync(written), await SchemaShape.OfPostgresAsync(modelled)));
    }

    [Fact]
    public async Task Every_table_of_a_module_carries_its_prefix_and_on_PostgreSQL_forced_row_level_security()
    {
        var at = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();
        await using var store = Store.Open(new StoreOptions { DataFolder = "", PostgresConnectionString = at }, Product, [], TimeProvider.System);
        (await store.MigrateAsync()).Fault.ShouldBeNull();
        await using var connection = new NpgsqlConnection(at);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(
            "SELECT relname, relrowsecurity AND relforcerowsecurity FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition", connection);
        await using var reader = await command.ExecuteReaderAsync();
        var offenders = new List<string>();
        var prefixes = Product.Parts.Select(p => p.Name + "_").ToList();
        while (await reader.ReadAsync())
        {
            var table = reader.GetString(0);
            if (!prefixes.Exists(p => table.StartsWith(p, StringComparison.Ordinal)))
            {
                offenders.Add($"{table}: no module's prefix");
            }

            // Storage's own tables hold ids and checksums, no tenant's data.
            if (!reader.GetBoolean(1) && !table.StartsWith("storage_", StringComparison.Ordinal))
            {
                offenders.Add($"{table}: no forced row-level security");
            }
        }

        Report(offenders);
    }

    [Fact]
    public void A_missing_column_and_one_too_many_are_both_found() => SchemaShape.Differences(
            new HashSet<string> { "t column a", "t column c", "unknown column x" }, new HashSet<string> { "t column a", "t column b" })
        .ShouldBe(["missing in the SQL files: t column b", "not in the model: t column c"]);

    private static void Report(IReadOnlyList<string> offenders) => offenders.ShouldBeEmpty(string.Join('\n', offenders));

    private sealed class Ownerless
    {
        public required string Id { get; init; }
    }

    private sealed class OwnerlessPart : StoragePart
    {
        public override string Name => "test";

        public override void Map(Microsoft.EntityFrameworkCore.ModelBuilder model) => model.Entity<Ownerless>();
    }
}
