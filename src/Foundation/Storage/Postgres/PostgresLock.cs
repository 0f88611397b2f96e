using Npgsql;

namespace Crew.Storage;

/// <summary>
/// Advisory locks that last longer than a transaction, each on a connection of its own outside of the pools: with the connection
/// the lock ends, also when the process is killed.
/// </summary>
internal sealed class PostgresLock : IAsyncDisposable
{
    /// <summary>Shared by all servers; alone with whoever must have none. 0001 is that of schema files, 0002 to 0005 are steps of modules.</summary>
    public const long Serving = 0x6372_6577_0010;

    /// <summary>One process at a time makes the first installation.</summary>
    public const long Beginning = 0x6372_6577_0011;

    private const int RetryMilliseconds = 250;

    /// <summary>Within this time of PostgreSQL's return every node has renewed its row again.</summary>
    private const int ReturnMilliseconds = 3_000;
    private readonly NpgsqlConnection _connection;

    private PostgresLock(NpgsqlConnection connection) => _connection = connection;

    /// <summary>Null when it is taken. A server that was killed a moment ago may still be going: its session ends when PostgreSQL notices.</summary>
    public static async Task<PostgresLock?> TryTakeAsync(
        string connectionString, long number, bool shared, int attempts, CancellationToken cancel, int pauseMilliseconds = RetryMilliseconds)
    {
        var connection = await OpenAsync(connectionString, cancel);
        var isTaken = false;
        try
        {
            for (var attempt = 0; attempt <= attempts && !isTaken; attempt++)
            {
                await Task.Delay(attempt == 0 ? 0 : pauseMilliseconds, cancel);
                isTaken = await AskAsync(connection, $"SELECT pg_try_advisory_lock{(shared ? "_shared" : "")}({number})", cancel);
            }

            return isTaken ? new PostgresLock(connection) : null;
        }
        finally
        {
            if (!isTaken)
            {
                await connection.DisposeAsync();
            }
        }
    }

    /// <summary>
    /// Claims the database against all servers. Their locks end with a restart of PostgreSQL, while they go on: so their rows count, too.
    /// </summary>
    public static async Task<PostgresLock?> TryClaimAsync(string connectionString, int attempts, CancellationToken cancel)
    {
        var claim = await TryTakeAsync(connectionString, Serving, shared: false, attempts, cancel);
        for (var attempt = 0; claim is not null && await claim.IsServedAsync(cancel); attempt++)
        {
            if (attempt == attempts)
            {
                await claim.DisposeAsync();
                return null;
            }

            await Task.Delay(RetryMilliseconds, cancel);
        }

        return claim;
    }

    /// <summary>Waits for the lock as long as another process has it.</summary>
    public static async Task<PostgresLock> TakeAsync(string connectionString, long number, CancellationToken cancel)
    {
        while (true)
        {
            if (await TryTakeAsync(connectionString, number, shared: false, attempts: 1_000, cancel, RetryMilliseconds / 5) is { } taken)
            {
                return taken;
            }
        }
    }

    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    /// <summary>Right after PostgreSQL's own start nobody can know: who served before has not come back yet, and its row is old.</summary>
    private async Task<bool> IsServedAsync(CancellationToken cancel) =>
        await AskAsync(_connection, "SELECT to_regclass('storage_nodes') IS NOT NULL", cancel)
        && await AskAsync(_connection, $"""
            SELECT EXISTS (SELECT FROM storage_nodes WHERE ended_at IS NULL
            AND (renewed_at > (extract(epoch FROM clock_timestamp()) * 1000)::bigint - {Node.FenceMilliseconds}
              OR pg_postmaster_start_time() > clock_timestamp() - interval '{ReturnMilliseconds} milliseconds'))
            """, cancel);

    private static async Task<NpgsqlConnection> OpenAsync(string connectionString, CancellationToken cancel)
    {
        var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false, ApplicationName = "crew" }.ConnectionString);
        try
        {
            await connection.OpenAsync(cancel);
            return connection;
        }
        catch (Exception error) when (PostgresErrors.IsUnavailable(error) || PostgresErrors.IsTurnedAway(error))
        {
            await connection.DisposeAsync();
            throw new StorageUnavailableException("PostgreSQL cannot be reached.", error);
        }
    }

    private static async Task<bool> AskAsync(NpgsqlConnection connection, string sql, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        return (bool)(await command.ExecuteScalarAsync(cancel))!;
    }
}
