using Crew.Gateway.Contracts;
using Microsoft.Extensions.Hosting;

namespace Crew.Gateway.Calls;

/// <summary>
/// Sends a sign of life to clients of streams whose provider says nothing for long, as reasoning models do: load balancers and clients
/// close a connection that looks dead. One timer looks after all streams, so that an open one costs no timer of its own.
/// </summary>
internal sealed class Heartbeat(GatewayOptions options, TimeProvider clock) : BackgroundService
{
    /// <summary>Looks within one interval: a ping is late by a quarter of it at the most, and by no more than a second.</summary>
    private const int LooksPerInterval = 4;

    private readonly Lock _gate = new();
    private readonly HashSet<ClientSide> _streams = [];
    private readonly TimeSpan _silence = TimeSpan.FromSeconds(options.PingSeconds);

    /// <summary>Looks after a stream from now on, until it is left alone again.</summary>
    public void Watch(ClientSide stream)
    {
        if (_silence > TimeSpan.Zero)
        {
            lock (_gate)
            {
                _streams.Add(stream);
            }
        }
    }

    public void Leave(ClientSide stream)
    {
        lock (_gate)
        {
            _streams.Remove(stream);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (_silence <= TimeSpan.Zero)
        {
            return;
        }

        var look = _silence / LooksPerInterval;
        using var timer = new PeriodicTimer(look > TimeSpan.FromSeconds(1) ? TimeSpan.FromSeconds(1) : look, clock);
        var silent = new List<ClientSide>();
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                Look(silent);
                silent.Clear();
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }

    /// <summary>What is due is picked under the lock and written outside of it: streams begin and end meanwhile.</summary>
    private void Look(List<ClientSide> silent)
    {
        lock (_gate)
        {
            foreach (var stream in _streams)
            {
                if (clock.GetElapsedTime(stream.SaidAt) >= _silence)
                {
                    silent.Add(stream);
                }
            }
        }

        silent.ForEach(static stream => stream.Ping());
    }
}
