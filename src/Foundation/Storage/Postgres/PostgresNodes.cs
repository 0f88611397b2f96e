using Npgsql;

namespace Crew.Storage;

/// <summary>
/// The rows of the nodes: taken, renewed, confirmed, waited for and, where nobody is behind them any more, ended. On a pool of its own,
/// so that no load keeps a renewal waiting.
/// </summary>
/// <param name="patient">For what a start asks once, and may wait for longer than a lease runs.</param>
internal sealed class PostgresNodes(NpgsqlDataSource pool, NpgsqlDataSource patient, ChangeFeed feed, Node node, TimeProvider clock)
{
    /// <summary>Ended rows are kept for a while, for people.</summary>
    private const long KeptMilliseconds = 86_400_000;

    private const string Now = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

    private readonly SemaphoreSlim _entering = new(1);
    private readonly Dictionary<long, (long Beat, long SeenAt)> _others = [];
    private long _confirmed;

    /// <summary>Takes an epoch; the first lease on it comes with the first renewal.</summary>
    public Task EnterAsync(CancellationToken cancel) => EnterAsync(patient, cancel);

    private async Task EnterAsync(NpgsqlDataSource source, CancellationToken cancel)
    {
        var applied = feed.Applied;
        await using var command = source.CreateCommand(
            $"INSERT INTO storage_nodes (epoch, name, applied, started_at, renewed_at) VALUES (nextval('storage_epochs'), $1, $2, {Now}, {Now}) RETURNING epoch");
        command.Parameters.AddWithValue($"{Environment.MachineName}:{Environment.ProcessId}");
        command.Parameters.AddWithValue(applied);
        node.Enter((long)(await command.ExecuteScalarAsync(cancel))!);
        _confirmed = applied;
    }

    /// <summary>Renews the lease: it runs on only when this process has applied all that PostgreSQL had at that moment.</summary>
    /// <returns>False when the others have given this epoch up.</returns>
    public async Task<bool> RenewAsync(CancellationToken cancel)
    {
        var sentAt = clock.GetTimestamp();
        await using var command = pool.CreateCommand($"""
            UPDATE storage_nodes SET renewed_at = {Now}, beat = beat + 1 WHERE epoch = $1 AND ended_at IS NULL
            RETURNING (SELECT version FROM storage_feed), renewed_at
            """);
        command.Parameters.AddWithValue(node.Epoch);
        long version, databaseMs;
        await using (var reader = await command.ExecuteReaderAsync(cancel))
        {
            if (!await reader.ReadAsync(cancel))
            {
                node.End();
                return false;
            }

            (version, databaseMs) = (reader.GetInt64(0), reader.GetInt64(1));
        }

        if (feed.Applied < version)
        {
            await feed.CatchUpAsync(cancel);
        }

        node.Extend(sentAt, databaseMs);
        await ConfirmAsync(cancel);
        return true;
    }

    /// <summary>Takes a new epoch after the others have given the old one up. Several callers make it one.</summary>
    public async Task EnterAgainAsync(long lost, CancellationToken cancel)
    {
        await _entering.WaitAsync(cancel);
        try
        {
            if (node.Epoch == lost)
            {
                await EnterAsync(pool, cancel);
                await RenewAsync(cancel);
            }
        }
        finally
        {
            _entering.Release();
        }
    }

    /// <summary>Tells the others how far this process has followed.</summary>
    public async Task ConfirmAsync(CancellationToken cancel)
    {
        var applied = feed.Applied;
        if (applied <= Volatile.Read(ref _confirmed) || node.Epoch == 0)
        {
            return;
        }

        await using var command = pool.CreateCommand("UPDATE storage_nodes SET applied = $2 WHERE epoch = $1 AND applied < $2");
        command.Parameters.AddWithValue(node.Epoch);
        command.Parameters.AddWithValue(applied);
        await command.ExecuteNonQueryAsync(cancel);
        Volatile.Write(ref _confirmed, applied);
    }

    /// <summary>
    /// Returns when no other node can act on what was before a version: each has applied it, or its lease has run out. With
    /// PostgreSQL away it waits the leases out, which nobody can renew without seeing the version.
    /// </summary>
    public async Task FenceAsync(long version, long committedAt)
    {
        const int longest = 25;
        for (var pause = 1; Left(committedAt) > TimeSpan.Zero; pause = Math.Min(pause * 2, longest))
        {
            if (await IsConfirmedAsync(version, Left(committedAt)))
            {
                return;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(pause), clock);
        }

        await TryAsync(async cancel =>
        {
            await using var command = pool.CreateCommand($"UPDATE storage_nodes SET ended_at = {Now} WHERE ended_at IS NULL AND applied < $1 AND epoch <> $2");
            command.Parameters.AddWithValue(version);
            command.Parameters.AddWithValue(node.Epoch);
            await command.ExecuteNonQueryAsync(cancel);
            return true;
        }, TimeSpan.FromMilliseconds(Node.FenceMilliseconds));
    }

    /// <summary>Ends the rows of processes that have not renewed for longer than a lease runs, so that no change has to wait for them.</summary>
    public async Task SweepAsync(CancellationToken cancel)
    {
        var running = new List<(long Epoch, long Beat)>();
        await using (var command = pool.CreateCommand("SELECT epoch, beat FROM storage_nodes WHERE ended_at IS NULL AND epoch <> $1"))
        {
            command.Parameters.AddWithValue(node.Epoch);
            await using var reader = await command.ExecuteReaderAsync(cancel);
            while (await reader.ReadAsync(cancel))
            {
                running.Add((reader.GetInt64(0), reader.GetInt64(1)));
            }
        }

        var gone = running.Where(IsSilent).ToList();
        foreach (var epoch in _others.Keys.Except(running.Select(r => r.Epoch)).ToList())
        {
            _others.Remove(epoch);
        }

        if (gone.Count > 0)
        {
            await using var command = pool.CreateCommand($"""
                UPDATE storage_nodes n SET ended_at = {Now} FROM unnest($1, $2) AS g(epoch, beat)
                WHERE n.epoch = g.epoch AND n.beat = g.beat AND n.ended_at IS NULL
                """);
            command.Parameters.AddWithValue(gone.Select(g => g.Epoch).ToArray());
            command.Parameters.AddWithValue(gone.Select(g => g.Beat).ToArray());
            await command.ExecuteNonQueryAsync(cancel);
        }
    }

    /// <summary>Says that this process no longer serves, and clears rows that ended long ago.</summary>
    public async Task LeaveAsync(CancellationToken cancel)
    {
        node.End();
        await using var command = pool.CreateCommand($"""
            WITH old AS (DELETE FROM storage_nodes WHERE ended_at < {Now} - $2)
            UPDATE storage_nodes SET ended_at = {Now} WHERE epoch = $1 AND ended_at IS NULL
            """);
        command.Parameters.AddWithValue(node.Epoch);
        command.Parameters.AddWithValue(KeptMilliseconds);
        await command.ExecuteNonQueryAsync(cancel);
    }

    private TimeSpan Left(long committedAt) => TimeSpan.FromMilliseconds(Node.FenceMilliseconds) - clock.GetElapsedTime(committedAt);

    private bool IsSilent((long Epoch, long Beat) other)
    {
        if (!_others.TryGetValue(other.Epoch, out var seen) || seen.Beat != other.Beat)
        {
            _others[other.Epoch] = (other.Beat, clock.GetTimestamp());
            return false;
        }

        return clock.GetElapsedTime(seen.SeenAt) > TimeSpan.FromMilliseconds(Node.FenceMilliseconds);
    }

    private Task<bool> IsConfirmedAsync(long version, TimeSpan limit) => TryAsync(async cancel =>
    {
        await using var command = pool.CreateCommand("SELECT NOT EXISTS (SELECT FROM storage_nodes WHERE ended_at IS NULL AND applied < $1 AND epoch <> $2)");
        command.Parameters.AddWithValue(version);
        command.Parameters.AddWithValue(node.Epoch);
        return (bool)(await command.ExecuteScalarAsync(cancel))!;
    }, limit);

    /// <summary>False when PostgreSQL does not answer in time.</summary>
    private async Task<bool> TryAsync(Func<CancellationToken, Task<bool>> work, TimeSpan limit)
    {
        using var late = new CancellationTokenSource(limit, clock);
        try
        {
            return await work(late.Token);
        }
        catch (Exception error) when (error is OperationCanceledException || PostgresErrors.IsUnavailable(error))
        {
            return false;
        }
    }
}
