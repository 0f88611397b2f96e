using Npgsql;

namespace Crew.Storage;

/// <summary>
/// What is asked inside a transaction just before it commits: how far the feed is, and whether the others still wait for this node. What
/// this process did not know is applied before the commit, so that nothing commits on a state that has been changed away.
/// </summary>
internal sealed class PostgresGuard(PostgresNodes nodes, ChangeFeed feed, Node node)
{
    private const string Asked = "SELECT f.version, EXISTS (SELECT FROM storage_nodes n WHERE n.epoch = $1 AND n.ended_at IS NULL)";
    private const string Plain = Asked + " FROM storage_feed f";

    /// <summary>No change of what nodes keep commits between this answer and our own commit: whoever changes it waits for us.</summary>
    private const string Named = Asked + ", pg_current_xact_id()::text FROM storage_feed f FOR SHARE OF f";

    /// <summary>Commands run beside the nodes and act on nothing that they keep.</summary>
    public bool IsNeeded => node.Epoch != 0;

    /// <summary>
    /// The question, to be put last into a batch, behind <see cref="PostgresHaste.Now"/>: a node that stands still behind the answer must not
    /// wake up and commit on it when the others have stopped waiting for it.
    /// </summary>
    /// <param name="named">Asks for the number of the transaction as well.</param>
    public (NpgsqlBatchCommand Command, long Epoch) Ask(bool named = false)
    {
        var epoch = node.Epoch;
        var command = new NpgsqlBatchCommand(named ? Named : Plain);
        command.Parameters.AddWithValue(epoch);
        return (command, epoch);
    }

    /// <summary>Asks within the transaction that is open on a connection, and follows where that is needed.</summary>
    /// <returns>How far the feed was, and the number of the transaction.</returns>
    /// <param name="connection">The connection of the transaction.</param>
    /// <param name="own">How many versions this transaction itself has taken.</param>
    public async Task<(long Version, string TransactionId)> FollowAsync(NpgsqlConnection connection, int own, CancellationToken cancel)
    {
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(PostgresHaste.Now());
        var (command, epoch) = Ask(named: true);
        batch.BatchCommands.Add(command);
        var answer = await AnswerAsync(batch, cancel);
        if (epoch != 0)
        {
            await FollowAsync(answer with { Version = answer.Version - own }, epoch, cancel);
        }

        return (answer.Version, answer.TransactionId!);
    }

    /// <summary>Runs the batch to its end and reads the answer.</summary>
    public static async Task<GuardAnswer> AnswerAsync(NpgsqlBatch batch, CancellationToken cancel)
    {
        await using var reader = await batch.ExecuteReaderAsync(cancel);
        GuardAnswer answer = default;
        do
        {
            while (await reader.ReadAsync(cancel))
            {
                answer = new GuardAnswer(reader.GetInt64(0), reader.GetBoolean(1), reader.FieldCount > 2 ? reader.GetString(2) : null);
            }
        }
        while (await reader.NextResultAsync(cancel));
        return answer;
    }

    /// <summary>Catches up with what the answer says.</summary>
    /// <returns>Whether anything had moved.</returns>
    public async ValueTask<bool> FollowAsync(GuardAnswer answer, long epoch, CancellationToken cancel)
    {
        if (answer.IsRunning && answer.Version <= feed.Applied)
        {
            return false;
        }

        if (!answer.IsRunning)
        {
            await nodes.EnterAgainAsync(epoch, cancel);
        }

        await feed.CatchUpAsync(cancel);
        return true;
    }
}

/// <summary>How far the feed is, and whether the others wait for this node.</summary>
/// <param name="TransactionId">The number of the transaction, where it was asked for.</param>
internal readonly record struct GuardAnswer(long Version, bool IsRunning, string? TransactionId);
