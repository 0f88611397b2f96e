using Npgsql;
using Shouldly;
using Xunit;

namespace Crew.Testing.Tests;

public sealed class PostgresServerTests
{
    [Fact]
    public async Task Each_database_is_fresh_and_its_own()
    {
        Assert.SkipUnless(PostgresServer.IsAvailable, "No PostgreSQL 15 is installed.");
        var server = await PostgresServer.SharedAsync();
        var first = await server.CreateDatabaseAsync();
        var second = await server.CreateDatabaseAsync();
        await ExecuteAsync(first, "CREATE TABLE only_here (id int)");
        (await ExecuteAsync(second, "SELECT count(*) FROM pg_tables WHERE tablename = 'only_here'")).ShouldBe(0L);
        await server.DropDatabaseAsync(first);
        await server.DropDatabaseAsync(second);
    }

    private static async Task<object?> ExecuteAsync(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(connectionString + ";Pooling=false");
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync(TestContext.Current.CancellationToken);
    }
}
