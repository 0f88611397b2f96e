using System.Collections.Concurrent;
using System.Diagnostics;
using System.Security.Cryptography;
using Crew.Http;
using Crew.Kernel;
using Crew.Sealing;
using Crew.Storage;
using Crew.Webhooks.Endpoints;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Crew.Webhooks.Delivery;

/// <summary>
/// Takes queues that are due and runs them. Every node does; which node runs a queue is a matter of one row (see <see cref="QueueSchema"/>).
/// A commit of this process is heard of at once, those that nobody told of by a look each second and a sweep each five.
/// </summary>
internal sealed partial class DeliveryLoop : BackgroundService
{
    private const int MostTaken = 64;
    private const int MostSleepers = 1_000;

    /// <summary>For so long after a stop attempts that are on their way may come to their end; one that is cut is made again, under the same id.</summary>
    private const int GraceMilliseconds = 2_000;

    /// <summary>For letting the queues go after that.</summary>
    private const int LetGoMilliseconds = 1_000;

    private readonly DeliveryTools _tools;
    private readonly DeliveryInbox _inbox;
    private readonly Metrics _metrics;
    private readonly ILogger<DeliveryLoop> _log;
    private readonly ConcurrentDictionary<string, QueueRun> _runs = new(StringComparer.Ordinal);
    private readonly HashSet<string> _kicked = new(StringComparer.Ordinal);
    private long _failures;
    private bool _isFailing;

    public DeliveryLoop(
        Store store, KeyRing ring, EndpointDirectory directory, DeliveryRights rights, DeliverySender sender, DeliveryInbox inbox, Metrics metrics,
        WebhookOptions options, TimeProvider clock, ILogger<DeliveryLoop> log)
    {
        (_inbox, _metrics, _log) = (inbox, metrics, log);
        _tools = new DeliveryTools(store, ring, directory, rights, sender, new AttemptBook(store), new EndpointFate(store), new DeliverySlots(options), options, clock,
            Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8)));
    }

    /// <summary>Queues that this node works on.</summary>
    public int Running => _runs.Count;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        _metrics.Gauge("crew_webhook_queues", "Queues of webhook endpoints that this node works on.", () => _runs.Count);
        _metrics.Gauge("crew_webhook_failures", "Rounds of webhook delivery that failed on this node, since it started.", () => Volatile.Read(ref _failures));
        using var bookStop = new CancellationTokenSource();
        using var cut = new CancellationTokenSource();
        var book = _tools.Book.RunAsync(bookStop.Token);
        var renewing = RenewAsync(stoppingToken);
        var (looked, swept) = (0L, 0L);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (IsOver(swept, _tools.Options.SweepMilliseconds))
                {
                    swept = _tools.Clock.GetTimestamp();
                    _kicked.UnionWith(await _tools.Store.ReadAsync(SystemJob.Deliveries, db => QueueSchema.SleepersAsync(db, MostSleepers, stoppingToken), stoppingToken));
                }

                var mustLook = IsOver(looked, _tools.Options.LookMilliseconds);
                looked = mustLook ? _tools.Clock.GetTimestamp() : looked;
                if (await GatherAsync() || _inbox.TakeLook()
                    || (mustLook && await _tools.Store.ReadAsync(SystemJob.Deliveries, db => QueueSchema.AnyDueAsync(db, Now, stoppingToken), stoppingToken)))
                {
                    await TakeAsync(stoppingToken, cut.Token);
                }

                _isFailing = false;
                await _inbox.WaitAsync(TimeSpan.FromMilliseconds(_tools.Options.LookMilliseconds), stoppingToken);
            }
            catch (OperationCanceledException)
            {
                break;
            }
            catch (Exception error)
            {
                Note(error, ref _isFailing);
                await Task.Delay(_tools.Options.LookMilliseconds, CancellationToken.None);
            }
        }

        await EndAsync(cut);
        await renewing;
        await bookStop.CancelAsync();
        await book;
    }

    private long Now => _tools.Now.ToUnixTimeMilliseconds();

    private bool IsOver(long since, int milliseconds) => since == 0 || _tools.Clock.GetElapsedTime(since).TotalMilliseconds >= milliseconds;

    /// <summary>Told once in a row. The type only: a message of the database may hold values. The next look tries again.</summary>
    private void Note(Exception error, ref bool isFailing)
    {
        if (!isFailing)
        {
            Failed(_log, error.GetType().FullName ?? "?");
        }

        isFailing = true;
        Interlocked.Increment(ref _failures);
    }

    /// <summary>Hands new deliveries to the runs at hand and nudges the queues of the others; whether there are such.</summary>
    private async Task<bool> GatherAsync()
    {
        foreach (var parcel in _inbox.TakeAll())
        {
            if (!_runs.TryGetValue(parcel.EndpointId, out var run) || !run.TryOffer(parcel))
            {
                _kicked.Add(parcel.EndpointId);
            }
        }

        if (_kicked.Count == 0)
        {
            return false;
        }

        List<string> endpoints = [.. _kicked];
        await ChangeAsync(async db => await QueueSchema.KickAsync(db, _tools.IsSqlite, endpoints, Now));
        _kicked.Clear();
        return true;
    }

    private async Task TakeAsync(CancellationToken stop, CancellationToken cut)
    {
        int taken;
        do
        {
            var most = Math.Min(MostTaken, _tools.Options.MostQueues - _runs.Count);
            if (most <= 0)
            {
                return;
            }

            var full = _runs.Values.GroupBy(r => r.WorkspaceId).Where(g => g.Count() >= _tools.Options.MostQueuesPerWorkspace).Select(g => g.Key).ToList();
            var queues = await ChangeAsync(db => QueueSchema.TakeAsync(db, _tools.IsSqlite, _tools.Holder, Now, Until, full, most, stop));
            foreach (var queue in queues)
            {
                // A clock that was put forward ends what this node itself holds.
                if (_runs.TryGetValue(queue.EndpointId, out var running) && running.Look())
                {
                    continue;
                }

                var run = new QueueRun(_tools, queue, stop, cut);
                _runs[queue.EndpointId] = run;
                _ = RunAsync(run);
            }

            taken = queues.Count == most ? queues.Count : 0;
        }
        while (taken > 0 && !stop.IsCancellationRequested);
    }

    private async Task RunAsync(QueueRun run)
    {
        await Task.Yield();
        try
        {
            await run.RunAsync();
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            var isFailing = error is StorageUnavailableException;
            Note(error, ref isFailing);
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
        finally
        {
            _runs.TryRemove(KeyValuePair.Create(run.EndpointId, run));
        }
    }

    /// <summary>Holds on to the queues; a run whose queue another node has taken, because this one stood still for too long, ends.</summary>
    private async Task RenewAsync(CancellationToken stop)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(_tools.Options.HoldSeconds / 4.0), _tools.Clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stop))
            {
                var runs = _runs.Values.ToList();
                if (runs.Count == 0)
                {
                    continue;
                }

                try
                {
                    var kept = (await ChangeAsync(db => QueueSchema.RenewAsync(db, _tools.IsSqlite, _tools.Holder, Until, [.. runs.Select(r => r.EndpointId)]))).ToHashSet();
                    runs.Where(r => !kept.Contains(r.EndpointId)).ToList().ForEach(r => r.IsLost = true);
                }
                catch (StorageUnavailableException)
                {
                    // The next round tries again; what runs out meanwhile another node may take.
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }

    private long Until => Now + (_tools.Options.HoldSeconds * 1_000L);

    private async Task EndAsync(CancellationTokenSource cut)
    {
        await QuietAsync(GraceMilliseconds);
        await cut.CancelAsync();
        await QuietAsync(LetGoMilliseconds);
    }

    private async Task QuietAsync(int mostMilliseconds)
    {
        for (var began = Stopwatch.GetTimestamp(); !_runs.IsEmpty && Stopwatch.GetElapsedTime(began).TotalMilliseconds < mostMilliseconds;)
        {
            await Task.Delay(20, CancellationToken.None);
        }
    }

    private async Task<T> ChangeAsync<T>(Func<Db, Task<T>> work)
    {
        async Task<Outcome<T>> Work(Db db) => await work(db);
        var done = await _tools.Store.ChangeAsync<T>(SystemJob.Deliveries, Origin.System, Work);
        return done.Fault is null ? done.Value : throw new StorageUnavailableException("The queues could not be changed.", null);
    }

    [LoggerMessage(1, LogLevel.Warning, "A round of webhook delivery ended early ({Reason}); what it left is found again.")]
    private static partial void Failed(ILogger log, string reason);
}
