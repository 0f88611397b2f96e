using System.Data;
using Crew.Kernel;
using Npgsql;

namespace Crew.Storage;

/// <summary>
/// How long a transaction may stand still before PostgreSQL ends it, and wait for the rows of another one. A node that is stopped in
/// the middle of one (SIGSTOP, a paused machine) would keep its rows locked for all the others.
/// </summary>
internal static class PostgresHaste
{
    /// <summary>
    /// For what every node waits for. Shorter than a lease runs (<see cref="Node.LeaseMilliseconds"/>), so that nobody commits on an answer
    /// after the others have stopped waiting for it; and shorter than a request waits for its lease or its portion of a rate limit.
    /// </summary>
    public const int IdleMilliseconds = 1_500;

    /// <summary>Longer than a transaction that stands still may have its rows: who waits for one of those gets it.</summary>
    private const int LockMilliseconds = 2_000;

    /// <summary>For changes of callers, which hold rows of their own tenant, until they come to <see cref="PostgresGuard"/>.</summary>
    private const int CallerMilliseconds = 5_000;

    private const string Owner = "SELECT set_config('crew.organization', $1, true), set_config('crew.workspace', $2, true)";
    private static readonly string Brief = $"{Owner}, {Idle(IdleMilliseconds)}, set_config('lock_timeout', '{LockMilliseconds}', true)";
    private static readonly string OfCaller = $"{Owner}, {Idle(CallerMilliseconds)}";

    /// <summary>To be put before a statement after which nothing may be waited for.</summary>
    public static NpgsqlBatchCommand Now() => new($"SET LOCAL idle_in_transaction_session_timeout = {IdleMilliseconds}");

    /// <summary>
    /// Begins a transaction and says whose it is, and how long it may stand still. A connection that broke while it lay in the pool, as all
    /// do when PostgreSQL is started again, is noticed by this first statement: then nothing was done yet, and a new one is taken.
    /// </summary>
    /// <exception cref="StorageUnavailableException">PostgreSQL cannot be reached.</exception>
    public static async Task<PostgresTransaction> BeginAsync(
        NpgsqlDataSource pool, IsolationLevel level, Tenant? tenant, SystemJob? job, bool isChange, CancellationToken cancel)
    {
        for (var isFresh = false; ; isFresh = true)
        {
            var connection = await PostgresStore.OpenAsync(pool, cancel);
            try
            {
                var transaction = await connection.BeginTransactionAsync(level, cancel);
                await using var command = new NpgsqlCommand(!isChange ? Owner : job is null ? OfCaller : job.IsBrief ? Brief : Owner, connection)
                {
                    CommandTimeout = PostgresRoles.OpenSeconds,
                };
                command.Parameters.AddWithValue(tenant?.OrganizationId ?? "");
                command.Parameters.AddWithValue(tenant?.WorkspaceId ?? "");
                await command.ExecuteNonQueryAsync(cancel);
                return new PostgresTransaction(connection, transaction);
            }
            catch (Exception error)
            {
                await connection.DisposeAsync();
                if (isFresh || !PostgresErrors.IsBroken(error))
                {
                    throw;
                }

                pool.Clear();
            }
        }
    }

    private static string Idle(int milliseconds) => $"set_config('idle_in_transaction_session_timeout', '{milliseconds}', true)";
}

/// <summary>A transaction that has begun, on the connection that goes back to its pool with it.</summary>
internal sealed record PostgresTransaction(NpgsqlConnection Connection, NpgsqlTransaction Transaction) : IAsyncDisposable
{
    public async ValueTask DisposeAsync()
    {
        await Transaction.DisposeAsync();
        await Connection.DisposeAsync();
    }
}
