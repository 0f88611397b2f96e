using Npgsql;

namespace Crew.Storage;

/// <summary>What a serving process does all the time: renew its lease, listen for hints, follow the feed and confirm.</summary>
internal sealed class PostgresNodeLoops(string connectionString, PostgresNodes nodes, ChangeFeed feed, Node node, int pollMilliseconds, TimeProvider clock)
    : IAsyncDisposable
{
    /// <summary>The channel of the hints; who misses one finds the change at the next poll.</summary>
    public const string Channel = "storage_changes";

    /// <summary>Well before the lease runs out, with room for a few failures.</summary>
    private const int RenewMilliseconds = 400;
    private const int RetryMilliseconds = 100;
    private const int LeaveMilliseconds = 2_000;

    private readonly CancellationTokenSource _stopping = new();
    private readonly SemaphoreSlim _hint = new(0, 1);
    private Task _loops = Task.CompletedTask;

    /// <summary>Enters, and keeps the place until disposed.</summary>
    public async Task StartAsync(CancellationToken cancel)
    {
        if (!await TryAsync(nodes.EnterAsync, cancel))
        {
            throw new StorageUnavailableException("PostgreSQL cannot be reached.", null);
        }

        await TryAsync(nodes.RenewAsync, cancel);
        _loops = Task.WhenAll(Task.Run(RenewAsync, CancellationToken.None), Task.Run(ListenAsync, CancellationToken.None), Task.Run(FollowAsync, CancellationToken.None));
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _loops;
        using var limit = new CancellationTokenSource(TimeSpan.FromMilliseconds(LeaveMilliseconds), clock);
        await TryAsync(_ => nodes.LeaveAsync(limit.Token), CancellationToken.None);
        _stopping.Dispose();
        _hint.Dispose();
    }

    private Task RenewAsync() => RepeatAsync(async () =>
    {
        var epoch = node.Epoch;
        var kept = await TryAsync(async cancel =>
        {
            if (await nodes.RenewAsync(cancel))
            {
                await nodes.SweepAsync(cancel);
            }
            else
            {
                await nodes.EnterAgainAsync(epoch, cancel);
            }
        }, _stopping.Token);
        await Task.Delay(TimeSpan.FromMilliseconds(kept ? RenewMilliseconds : RetryMilliseconds), clock, _stopping.Token);
    });

    private Task FollowAsync() => RepeatAsync(async () =>
    {
        await _hint.WaitAsync(pollMilliseconds, _stopping.Token);
        await TryAsync(async cancel =>
        {
            await feed.CatchUpAsync(cancel);
            await nodes.ConfirmAsync(cancel);
        }, _stopping.Token);
    });

    /// <summary>A connection of its own, made again when it breaks; what was said meanwhile is found right after.</summary>
    private Task ListenAsync() => RepeatAsync(async () =>
    {
        await TryAsync(async cancel =>
        {
            var settings = new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false, KeepAlive = 5, ApplicationName = "crew-listener", Timeout = 5 };
            await using var connection = new NpgsqlConnection(settings.ConnectionString);
            connection.Notification += (_, said) =>
            {
                if (said.Payload.Length > 0)
                {
                    feed.Hint(said.Payload);
                }
                else
                {
                    Hint();
                }
            };
            await connection.OpenAsync(cancel);
            await using (var listen = new NpgsqlCommand($"LISTEN {Channel}", connection))
            {
                await listen.ExecuteNonQueryAsync(cancel);
            }

            Hint();
            while (true)
            {
                await connection.WaitAsync(cancel);
            }
        }, _stopping.Token);
        await Task.Delay(TimeSpan.FromMilliseconds(RetryMilliseconds), clock, _stopping.Token);
    });

    private void Hint()
    {
        try
        {
            _hint.Release();
        }
        catch (SemaphoreFullException)
        {
            // A hint is waiting already.
        }
    }

    private async Task RepeatAsync(Func<Task> round)
    {
        try
        {
            while (true)
            {
                await round();
            }
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // Stopping.
        }
    }

    /// <summary>False when PostgreSQL could not be asked; the next round tries again.</summary>
    private static async Task<bool> TryAsync(Func<CancellationToken, Task> work, CancellationToken cancel)
    {
        try
        {
            await work(cancel);
            return true;
        }
        catch (Exception error) when (!cancel.IsCancellationRequested
            && (error is StorageUnavailableException or OperationCanceledException || PostgresErrors.IsUnavailable(error)))
        {
            return false;
        }
    }
}
