using System.Collections.Concurrent;
using Microsoft.Extensions.Hosting;

namespace Crew.Gateway.Calls;

/// <summary>
/// Where answers are read to their end after their client has left, because the provider bills them to the end anyway and only the end
/// says how much. Bounded in number and time; at a stop of the server the last ones are given a few seconds.
/// </summary>
internal sealed class DrainRoom(TimeProvider clock) : IHostedService
{
    public const int MaximumAnswers = 1_024;
    public const int MaximumSeconds = 600;
    private const int StopSeconds = 10;

    private readonly ConcurrentDictionary<StreamRelay, Task> _draining = new();
    private int _count;
    private volatile bool _isClosing;

    public int Count => Volatile.Read(ref _count);

    /// <summary>Takes an answer in; false when there is no room, and then it has to be broken off.</summary>
    public bool TryTake(StreamRelay relay)
    {
        if (_isClosing)
        {
            return false;
        }

        // Counted from here on, not from when a thread is free for it.
        var limit = new CancellationTokenSource(TimeSpan.FromSeconds(MaximumSeconds), clock);
        if (Interlocked.Increment(ref _count) > MaximumAnswers)
        {
            Interlocked.Decrement(ref _count);
            limit.Dispose();
            return false;
        }

        _draining[relay] = Task.Run(() => DrainAsync(relay, limit));
        if (relay.IsDrained)
        {
            _draining.TryRemove(relay, out _);
        }

        return true;
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        _isClosing = true;
        var all = Task.WhenAll(_draining.Values);
        await Task.WhenAny(all, Task.Delay(TimeSpan.FromSeconds(StopSeconds), clock, cancellationToken));
        foreach (var relay in _draining.Keys)
        {
            relay.StopDraining();
        }

        await Task.WhenAny(all, Task.Delay(TimeSpan.FromSeconds(1), clock, CancellationToken.None));
    }

    private async Task DrainAsync(StreamRelay relay, CancellationTokenSource limit)
    {
        try
        {
            await relay.DrainAsync(limit.Token);
        }
        finally
        {
            limit.Dispose();
            Interlocked.Decrement(ref _count);
            _draining.TryRemove(relay, out _);
        }
    }
}
