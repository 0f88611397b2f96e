using Crew.Kernel;
using Crew.Testing;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Crew.Storage.Spec;

public sealed class PostgresStoreSpec : StoreSpec
{
    private string _connection = "";

    private protected override Store Open() => Store.Open(
        new StoreOptions { DataFolder = Path.GetTempPath(), PostgresConnectionString = _connection, FeedPollMilliseconds = 50 }, Model, [new SpecSink()], TimeProvider.System);

    public override async ValueTask InitializeAsync()
    {
        _connection = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();
        await base.InitializeAsync();
    }

    [Fact]
    public async Task Row_level_security_holds_without_the_query_filters()
    {
        await AddAsync(new Tenant("org_a", "ws_a"), "n1");
        await AddAsync(new Tenant("org_a", "ws_b"), "n2");
        var seen = await Store.ReadAsync(new Tenant("org_a", "ws_b"), db => db.Set<Note>().IgnoreQueryFilters(["tenant"]).Select(n => n.Id).ToListAsync());
        seen.ShouldBe(["n2"]);
        var updated = await Store.ChangeAsync<int>(new Tenant("org_a", "ws_b"), Origin.System,
            async db => await db.Set<Note>().IgnoreQueryFilters(["tenant"]).Where(n => n.Id == "n1").ExecuteUpdateAsync(n => n.SetProperty(p => p.Text, "stolen")));
        updated.Value.ShouldBe(0);
    }

    [Fact]
    public async Task A_foreign_row_is_refused_by_the_database_itself()
    {
        var refused = await Should.ThrowAsync<Exception>(() => Store.ChangeAsync<int>(new Tenant("org_a", "ws_b"), Origin.System,
            async db => await db.Database.ExecuteSqlRawAsync("INSERT INTO spec_notes (id, workspace_id, text, version) VALUES ('x', 'ws_a', 't', 1)")));
        refused.Message.ShouldContain("row-level security");
    }

    [Fact]
    public async Task Without_a_tenant_the_app_role_sees_nothing()
    {
        await AddAsync(new Tenant("org_a", "ws_a"), "n1");
        var roles = new PostgresRoles(_connection);
        await using var pool = PostgresRoles.Pool(_connection, roles.App, 1);
        await using var command = pool.CreateCommand("SELECT count(*) FROM spec_notes");
        (await command.ExecuteScalarAsync()).ShouldBe(0L);
    }

    [Fact]
    public async Task The_append_role_can_insert_and_nothing_else()
    {
        var roles = new PostgresRoles(_connection);
        await using var pool = PostgresRoles.Pool(_connection, roles.Append, 1);
        await using var insert = pool.CreateCommand("INSERT INTO spec_rows (id) VALUES ('by-append')");
        (await insert.ExecuteNonQueryAsync()).ShouldBe(1);
        foreach (var forbidden in new[] { "SELECT * FROM spec_rows", "DELETE FROM spec_rows", "UPDATE spec_rows SET number = 1", "SELECT * FROM spec_notes" })
        {
            await using var command = pool.CreateCommand(forbidden);
            (await Should.ThrowAsync<PostgresException>(() => command.ExecuteNonQueryAsync())).SqlState.ShouldBe("42501");
        }
    }

    [Fact]
    public async Task The_tenant_ends_with_its_transaction()
    {
        await AddAsync(new Tenant("org_a", "ws_a"), "n1");
        for (var n = 0; n < 30; n++)
        {
            (await NotesOf(new Tenant("org_a", "ws_a"))).Count.ShouldBe(1);
            (await NotesOf(new Tenant("org_a", "ws_b"))).ShouldBeEmpty();
        }
    }
}
