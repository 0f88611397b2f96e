using Npgsql;

namespace Crew.Storage;

/// <summary>How a transaction ended whose commit got no answer: PostgreSQL remembers, and is asked on another connection.</summary>
internal static class PostgresOutcome
{
    private const int PauseMilliseconds = 50;

    /// <summary>Whether it committed; null when PostgreSQL did not say within the time that a change waits for other nodes.</summary>
    public static async Task<bool?> AskAsync(NpgsqlDataSource pool, string transactionId, TimeProvider clock)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMilliseconds(Node.FenceMilliseconds), clock);
        while (!limit.IsCancellationRequested)
        {
            try
            {
                await using var command = pool.CreateCommand("SELECT pg_xact_status($1::xid8)");
                command.Parameters.AddWithValue(transactionId);
                switch (await command.ExecuteScalarAsync(limit.Token) as string)
                {
                    case "committed":
                        return true;
                    case "aborted":
                        return false;
                }
            }
            catch (Exception error) when (error is OperationCanceledException || PostgresErrors.IsUnavailable(error))
            {
                // It is still away, or just coming back.
            }

            await Task.Delay(TimeSpan.FromMilliseconds(PauseMilliseconds), clock);
        }

        return null;
    }
}
