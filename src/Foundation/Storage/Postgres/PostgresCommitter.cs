using System.Threading.Channels;
using Crew.Kernel;
using Npgsql;
using NpgsqlTypes;

namespace Crew.Storage;

/// <summary>This node's flush: everything that waits goes to PostgreSQL in one batch and one commit, one flush at a time.</summary>
internal sealed class PostgresCommitter(StoreOptions options, NpgsqlDataSource pool, PostgresGuard guard, TimeProvider clock) : Committer
{
    private readonly Channel<AppendWork> _waiting = Channel.CreateBounded<AppendWork>(
        new BoundedChannelOptions(MaximumWaiting) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });

    private Task _loop = Task.CompletedTask;
    private bool _isOutOfRoom;
    private bool _isSent;

    public void Start() => _loop = Task.Run(RunAsync);

    public override ValueTask<bool> AppendAsync(AppendWork work) =>
        _waiting.Writer.TryWrite(work) ? work.Durable : new ValueTask<bool>(false);

    public async Task StopAsync()
    {
        _waiting.Writer.TryComplete();
        await _loop;
    }

    private async Task RunAsync()
    {
        const int most = 4_096;
        var gathering = new GatherRule(TimeSpan.FromMilliseconds(options.GatherMilliseconds), clock);
        while (await _waiting.Reader.WaitToReadAsync())
        {
            if (gathering.Pays && _waiting.Reader.Count < options.BatchWorks)
            {
                await Task.Delay(options.GatherMilliseconds);
            }

            var works = new List<AppendWork>();
            while (works.Count < most && _waiting.Reader.TryRead(out var work))
            {
                works.Add(work);
            }

            Begin();
            var result = await FlushAsync(works);
            Commits++;
            Works += works.Count;
            Note(result == FlushResult.Unavailable, _isOutOfRoom);
            if (result == FlushResult.Refused)
            {
                await FlushOneByOneAsync(works);
            }

            CompleteAll(works, result != FlushResult.Unavailable);
            gathering.Note(works.Count);
        }
    }

    /// <summary>
    /// A row that a constraint refuses is a bug of its own request; it must not take the whole batch with it. A single work is tried again,
    /// too: a row on its way into a default partition is refused when the partition of its day is attached at that moment.
    /// </summary>
    private async Task FlushOneByOneAsync(List<AppendWork> works)
    {
        foreach (var work in works)
        {
            var result = await FlushAsync([work]);
            (work.Refused, work.Failed) = (result == FlushResult.Refused, result == FlushResult.Unavailable);
        }
    }

    private async Task<FlushResult> FlushAsync(List<AppendWork> works)
    {
        try
        {
            while (!await TryFlushAgainAsync(works))
            {
            }

            return FlushResult.Durable;
        }
        catch (PostgresException error) when (!PostgresErrors.IsUnavailable(error))
        {
            works[0].IsDuplicate = works.Count == 1 && PostgresErrors.IsUnique(error);
            return FlushResult.Refused;
        }
        catch (Exception error) when (error is NpgsqlException or TimeoutException or IOException or OperationCanceledException or StorageUnavailableException)
        {
            _isOutOfRoom = PostgresErrors.IsOutOfRoom(error);
            return FlushResult.Unavailable;
        }
    }

    /// <summary>
    /// A connection that broke before the commit was sent has written nothing: one that broke while it lay in the pool, as all do when
    /// PostgreSQL is started again, must not cost a request its record.
    /// </summary>
    private async Task<bool> TryFlushAgainAsync(List<AppendWork> works)
    {
        _isSent = false;
        try
        {
            return await TryFlushAsync(works);
        }
        catch (Exception error) when (!_isSent && PostgresErrors.IsBroken(error))
        {
            pool.Clear();
            return await TryFlushAsync(works);
        }
    }

    /// <summary>
    /// One transaction. False when a change that came meanwhile changed rows of it: then it is written again. That ends, because a
    /// work changes its rows at most once.
    /// </summary>
    private async Task<bool> TryFlushAsync(List<AppendWork> works)
    {
        var tables = new Dictionary<AppendTable, PostgresColumns>();
        var sums = new Dictionary<(CounterTable Table, string Key), long>();
        foreach (var work in works)
        {
            work.BeforeWrite();
            Gather(work, tables, sums);
        }

        if (tables.Count == 0 && sums.Count == 0)
        {
            return true;
        }

        await using var connection = await pool.OpenConnectionAsync();
        await using var transaction = await connection.BeginTransactionAsync();
        await using var batch = new NpgsqlBatch(connection, transaction);
        foreach (var columns in tables.Values)
        {
            batch.BatchCommands.Add(columns.ToCommand());
        }

        foreach (var group in sums.GroupBy(s => s.Key.Table))
        {
            batch.BatchCommands.Add(CounterCommand(group.Key, [.. group.OrderBy(s => s.Key.Key, StringComparer.Ordinal)]));
        }

        CrashPoint.Pass(CrashPoints.PostgresFlushBefore);
        if (!guard.IsNeeded)
        {
            await batch.ExecuteNonQueryAsync();
        }
        else if (await HasMovedAsync(batch) && AnyChanges(works))
        {
            return false;
        }

        CrashPoint.Pass(CrashPoints.PostgresFlushCommitBefore);
        _isSent = true;
        await transaction.CommitAsync();
        CrashPoint.Pass(CrashPoints.PostgresFlushCommitAfter);
        return true;
    }

    /// <summary>Writes the batch and asks last how far the feed is, so that what this node keeps is no older than what it commits.</summary>
    private async Task<bool> HasMovedAsync(NpgsqlBatch batch)
    {
        var (question, epoch) = guard.Ask();
        batch.BatchCommands.Add(PostgresHaste.Now());
        batch.BatchCommands.Add(question);
        return await guard.FollowAsync(await PostgresGuard.AnswerAsync(batch, CancellationToken.None), epoch, CancellationToken.None);
    }

    private static bool AnyChanges(List<AppendWork> works)
    {
        var any = false;
        foreach (var work in works)
        {
            any |= work.BeforeWrite();
        }

        return any;
    }

    private static void Gather(AppendWork work, Dictionary<AppendTable, PostgresColumns> tables, Dictionary<(CounterTable, string), long> sums)
    {
        foreach (var row in work.Rows)
        {
            if (!tables.TryGetValue(row.Table, out var columns))
            {
                tables[row.Table] = columns = new PostgresColumns(row.Table);
            }

            columns.Add(row);
        }

        foreach (var delta in work.Counters)
        {
            var key = (delta.Table, delta.Key);
            sums[key] = sums.GetValueOrDefault(key) + delta.Amount;
        }
    }

    private static NpgsqlBatchCommand CounterCommand(CounterTable table, IReadOnlyList<KeyValuePair<(CounterTable Table, string Key), long>> sums)
    {
        var command = new NpgsqlBatchCommand(
            $"UPDATE {table.Name} t SET {table.SumColumn} = t.{table.SumColumn} + d.amount FROM unnest($1::text[], $2::bigint[]) AS d(key, amount) WHERE t.{table.KeyColumn} = d.key");
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. sums.Select(s => s.Key.Key)], NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text });
        command.Parameters.Add(new NpgsqlParameter<long[]> { TypedValue = [.. sums.Select(s => s.Value)], NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bigint });
        return command;
    }

    private enum FlushResult
    {
        Durable,
        Refused,
        Unavailable,
    }
}
