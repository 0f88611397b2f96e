using System.Collections.Concurrent;
using System.Threading.Channels;
using Crew.Storage;
using Microsoft.Extensions.Hosting;

namespace Crew.Http;

/// <summary>This node's part of what one subject may use over all nodes.</summary>
internal interface ILease
{
    string Subject { get; }

    /// <summary>How long ago it was last needed; what still holds something is needed.</summary>
    TimeSpan UnusedFor { get; }

    /// <summary>Gives back what is not needed: at once when others are short of it.</summary>
    void Tidy(bool isShort);
}

/// <summary>
/// Fetches parts of limits for this node: whatever leases ask for at the same time goes into one transaction, one at a time, so that many
/// subjects cost little more than one.
/// </summary>
/// <param name="topic">Of the hints that another node is short of a subject.</param>
internal abstract class LeaseDesk<TLease>(string topic, Lazy<Store> store, TimeProvider clock) : BackgroundService
    where TLease : class, ILease
{
    private const int BatchLeases = 256;
    private const int TidyMilliseconds = 500;
    private const int KeptMinutes = 2;
    private const int FarewellSeconds = 1;

    private readonly Channel<TLease> _asked = Channel.CreateUnbounded<TLease>(new UnboundedChannelOptions { SingleReader = true });
    private readonly ConcurrentDictionary<string, TLease> _leases = new(StringComparer.Ordinal);

    protected Store Store => store.Value;

    protected TimeProvider Clock => clock;

    protected TLease LeaseOf(string subject) => _leases.TryGetValue(subject, out var lease) ? lease : _leases.GetOrAdd(subject, Open);

    protected abstract TLease Open(string subject);

    /// <summary>One transaction for all of them; they stand in the order of their subjects, or two nodes would wait for each other's rows.</summary>
    protected abstract Task FetchAsync(IReadOnlyList<TLease> leases, CancellationToken cancel);

    protected void Enqueue(TLease lease) => _asked.Writer.TryWrite(lease);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        store.Value.Feed.OnHint(topic, subject =>
        {
            if (_leases.TryGetValue(subject, out var lease))
            {
                lease.Tidy(isShort: true);
            }
        });
        try
        {
            await Task.WhenAll(ServeAsync(stoppingToken), TidyAsync(stoppingToken));
        }
        catch (OperationCanceledException)
        {
            await SayFarewellAsync();
        }
    }

    /// <summary>A node that stops leaves nothing behind that others would have to wait for.</summary>
    private async Task SayFarewellAsync()
    {
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(FarewellSeconds), clock);
        foreach (var lease in _leases.Values)
        {
            lease.Tidy(isShort: true);
            lease.Tidy(isShort: true);
        }

        var last = new List<TLease>();
        while (_asked.Reader.TryRead(out var lease))
        {
            last.Add(lease);
        }

        try
        {
            foreach (var few in last.Distinct().OrderBy(l => l.Subject, StringComparer.Ordinal).Chunk(BatchLeases))
            {
                await FetchAsync(few, late.Token);
            }
        }
        catch (Exception gone) when (gone is OperationCanceledException or StorageUnavailableException)
        {
            // Then what is left ends with the minute, or with this node.
        }
    }

    private async Task ServeAsync(CancellationToken stop)
    {
        var leases = new List<TLease>(BatchLeases);
        while (await _asked.Reader.WaitToReadAsync(stop))
        {
            leases.Clear();
            while (leases.Count < BatchLeases && _asked.Reader.TryRead(out var lease))
            {
                leases.Add(lease);
            }

            leases.Sort(static (a, b) => string.CompareOrdinal(a.Subject, b.Subject));
            await FetchAsync(leases, stop);
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
