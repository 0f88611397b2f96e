using System.Collections.Concurrent;
using System.Threading.Channels;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.Extensions.Hosting;

namespace Crew.Http;

/// <summary>
/// Fetches portions of rate limits for this node: whatever leases ask for at the same time goes into one transaction, one at a
/// time, so that many subjects cost little more than one.
/// </summary>
internal sealed class RateDesk(Lazy<Store> store, TimeProvider clock) : BackgroundService
{
    /// <summary>The topic of hints that another node is short of a subject.</summary>
    private const string HintTopic = "rates";

    private const int BatchLeases = 256;
    private const int TidyMilliseconds = 500;
    private const int KeptMinutes = 2;

    private readonly Channel<RateLease> _asked = Channel.CreateUnbounded<RateLease>(new UnboundedChannelOptions { SingleReader = true });
    private readonly ConcurrentDictionary<string, RateLease> _leases = new(StringComparer.Ordinal);

    /// <summary>Counts one request of a subject; the fault says that the database, which counts for all nodes, does not answer.</summary>
    public ValueTask<Outcome<RateDecision>> TakeAsync(string subject, int limit) =>
        (_leases.TryGetValue(subject, out var lease) ? lease : _leases.GetOrAdd(subject, Open)).TakeAsync(limit);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        store.Value.Feed.OnHint(HintTopic, subject =>
        {
            if (_leases.TryGetValue(subject, out var lease))
            {
                lease.Tidy(isShort: true);
            }
        });
        try
        {
            await Task.WhenAll(FetchAsync(stoppingToken), TidyAsync(stoppingToken));
        }
        catch (OperationCanceledException)
        {
            // Stopping: what is left of the portions ends with the minute.
        }
    }

    private RateLease Open(string subject) => new(subject, lease => _asked.Writer.TryWrite(lease), clock);

    private async Task FetchAsync(CancellationToken stop)
    {
        var leases = new List<RateLease>(BatchLeases);
        while (await _asked.Reader.WaitToReadAsync(stop))
        {
            leases.Clear();
            while (leases.Count < BatchLeases && _asked.Reader.TryRead(out var lease))
            {
                leases.Add(lease);
            }

            // Always in the same order, or two nodes would wait for each other's rows.
            leases.Sort(static (a, b) => string.CompareOrdinal(a.Subject, b.Subject));
            var asks = leases.ConvertAll(l => l.Draw());
            var sentAt = clock.GetTimestamp();
            var answered = await RateAppend.TakeAsync(store.Value, asks, stop);
            var grants = answered.Fault is null ? answered.Value : null;
            for (var index = 0; index < leases.Count; index++)
            {
                leases[index].Answer(grants?[index], sentAt);
            }
        }
    }

    private async Task TidyAsync(CancellationToken stop)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(TidyMilliseconds), clock);
        while (await timer.WaitForNextTickAsync(stop))
        {
            foreach (var (subject, lease) in _leases)
            {
                lease.Tidy(isShort: false);
                if (lease.UnusedFor > TimeSpan.FromMinutes(KeptMinutes))
                {
                    _leases.TryRemove(KeyValuePair.Create(subject, lease));
                }
            }
        }
    }
}
