using System.Diagnostics;
using System.Net.Sockets;
using Crew.Bench.Measure;

namespace Crew.Bench.Load;

internal sealed record LoadPlan(LoadTarget Target, TimeSpan Warmup, TimeSpan Duration, IReadOnlyList<int> Watched);

/// <summary>The three ways to put load on a target.</summary>
internal static class LoadLoops
{
    /// <summary>Every connection sends its next request when it has its last answer: finds the highest throughput.</summary>
    public static Task<LoadResult> ClosedAsync(LoadPlan plan, int connections) =>
        MeasureAsync(plan, connections, (connection, result, phase) => RepeatAsync(connection, result, phase, async () =>
        {
            var started = Stopwatch.GetTimestamp();
            var reply = await connection.ExchangeAsync();
            if (phase.Measuring)
            {
                var latency = Nanoseconds(started);
                result.Count(reply);
                result.Latency.Add(latency);
                result.Added.Add(latency - (reply.ProviderDelayUs * 1000));
            }
        }));

    /// <summary>Streams one after the other on each connection. The opening chunk carries no token, so the second is the first.</summary>
    public static Task<LoadResult> StreamsAsync(LoadPlan plan, int streams) =>
        MeasureAsync(plan, streams, (connection, result, phase) => RepeatAsync(connection, result, phase, async () =>
        {
            var (started, last, seen) = (Stopwatch.GetTimestamp(), 0L, 0);
            var reply = await connection.StreamAsync(events =>
            {
                var now = Stopwatch.GetTimestamp();
                for (var each = 0; each < events; each++, seen++)
                {
                    Observe(result, phase, seen, started, last, now);
                    last = now;
                }
            });
            if (phase.Measuring)
            {
                result.Count(reply);
                result.Latency.Add(Nanoseconds(started));
            }
        }));

    /// <summary>
    /// Requests start at fixed times whatever becomes of those before them, and their latency counts from that time, so a
    /// stall of the target is charged to every request that should have run in it.
    /// </summary>
    public static async Task<LoadResult> OpenAsync(LoadPlan plan, int perSecond, int connections)
    {
        var result = new LoadResult();
        var phase = new Phase();
        var every = await ConnectAsync(plan.Target, connections);
        var desk = new Desk(every, (connection, due) => OnceAsync(connection, due, result, phase));
        var metronome = Metronome.Start(perSecond, plan.Warmup + plan.Duration, Stopwatch.GetTimestamp(), desk.Take);
        await WindowAsync(plan, result, phase);
        await metronome;
        await desk.DrainAsync(TimeSpan.FromSeconds(10));
        every.ForEach(connection => connection.Dispose());
        return result;
    }

    private static async Task OnceAsync(LoadConnection connection, long due, LoadResult result, Phase phase)
    {
        try
        {
            var reply = await connection.ExchangeAsync();
            if (phase.Covers(due))
            {
                var latency = Nanoseconds(due);
                result.Count(reply);
                result.Latency.Add(latency);
                result.Added.Add(latency - (reply.ProviderDelayUs * 1000));
            }
        }
        catch (Exception broken) when (broken is SocketException or ObjectDisposedException)
        {
            connection.Dispose();
            result.CountBroken();
        }
    }

    private static void Observe(LoadResult result, Phase phase, int index, long started, long last, long now)
    {
        if (!phase.Measuring)
        {
            return;
        }

        if (index == 1)
        {
            result.FirstToken.Add((long)Stopwatch.GetElapsedTime(started, now).TotalNanoseconds);
        }
        else if (index is > 1 and < Control.MockMode.PacedChunks + 1)
        {
            result.ChunkGap.Add((long)Stopwatch.GetElapsedTime(last, now).TotalNanoseconds);
        }
    }

    private static async Task<LoadResult> MeasureAsync(LoadPlan plan, int connections, Func<LoadConnection, LoadResult, Phase, Task> work)
    {
        var result = new LoadResult();
        var phase = new Phase();
        var every = await ConnectAsync(plan.Target, connections);
        var running = every.ConvertAll(connection => Task.Run(() => work(connection, result, phase)));
        await WindowAsync(plan, result, phase);
        phase.Stop();
        var finished = Task.WhenAll(running);
        if (await Task.WhenAny(finished, Task.Delay(TimeSpan.FromSeconds(5))) != finished)
        {
            every.ForEach(connection => connection.Dispose());
        }

        await finished;
        every.ForEach(connection => connection.Dispose());
        return result;
    }

    private static async Task RepeatAsync(LoadConnection connection, LoadResult result, Phase phase, Func<Task> exchange)
    {
        while (!phase.Stopped)
        {
            try
            {
                await exchange();
            }
            catch (Exception broken) when (broken is SocketException or ObjectDisposedException)
            {
                connection.Dispose();
                if (!phase.Stopped)
                {
                    result.CountBroken();
                    await Task.Delay(10);
                }
            }
        }
    }

    private static async Task<List<LoadConnection>> ConnectAsync(LoadTarget target, int count)
    {
        var connections = new List<LoadConnection>(count);
        for (var each = 0; each < count; each++)
        {
            var connection = new LoadConnection(target);
            await connection.ConnectAsync();
            connections.Add(connection);
        }

        return connections;
    }

    private static async Task WindowAsync(LoadPlan plan, LoadResult result, Phase phase)
    {
        await Task.Delay(plan.Warmup);
        var before = ProcessUse.Read(plan.Watched);
        var started = Stopwatch.GetTimestamp();
        phase.Begin();
        await Task.Delay(plan.Duration);
        phase.End();
        result.Seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        result.Used = ProcessUse.Since(before);
    }

    private static long Nanoseconds(long since) => (long)Stopwatch.GetElapsedTime(since).TotalNanoseconds;

    /// <summary>Hands due requests to idle connections, the most recently used first; what finds none waits its turn.</summary>
    private sealed class Desk(IEnumerable<LoadConnection> connections, Func<LoadConnection, long, Task> serve)
    {
        private readonly Lock _gate = new();
        private readonly Stack<LoadConnection> _idle = new(connections);
        private readonly Queue<long> _waiting = new();
        private int _busy;

        public void Take(long due)
        {
            LoadConnection? connection;
            lock (_gate)
            {
                if (!_idle.TryPop(out connection))
                {
                    _waiting.Enqueue(due);
                    return;
                }

                _busy++;
            }

            _ = ServeAsync(connection, due);
        }

        public async Task DrainAsync(TimeSpan limit)
        {
            var started = Stopwatch.GetTimestamp();
            while (Busy() > 0 && Stopwatch.GetElapsedTime(started) < limit)
            {
                await Task.Delay(10);
            }
        }

        private int Busy()
        {
            lock (_gate)
            {
                return _busy;
            }
        }

        private async Task ServeAsync(LoadConnection connection, long due)
        {
            while (true)
            {
                await serve(connection, due);
                lock (_gate)
                {
                    if (!_waiting.TryDequeue(out due))
                    {
                        _idle.Push(connection);
                        _busy--;
                        return;
                    }
                }
            }
        }
    }

    /// <summary>Warm-up, measurement, end.</summary>
    private sealed class Phase
    {
        private long _begin = long.MaxValue;
        private long _end = long.MaxValue;
        private volatile bool _stopped;

        public bool Stopped => _stopped;

        public bool Measuring => Volatile.Read(ref _begin) != long.MaxValue && Volatile.Read(ref _end) == long.MaxValue;

        /// <summary>Whether a request that was due then belongs to the measurement, however late it ended.</summary>
        public bool Covers(long due) => due >= Volatile.Read(ref _begin) && due < Volatile.Read(ref _end);

        public void Begin() => Volatile.Write(ref _begin, Stopwatch.GetTimestamp());

        public void End() => Volatile.Write(ref _end, Stopwatch.GetTimestamp());

        public void Stop() => _stopped = true;
    }
}
