using System.Collections.Concurrent;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.Extensions.Hosting;

namespace Crew.Http;

/// <summary>
/// Refused credentials and limits, for the audit log. The first of a kind is recorded at once, repetitions are counted and
/// recorded every ten seconds, so that an attack fills neither the log nor the disk.
/// </summary>
public sealed class RefusalLog(Store store, IAccessTrail trail, TimeProvider clock) : BackgroundService
{
    private const int PeriodSeconds = 10;

    /// <summary>Kinds tracked at once; beyond that further kinds share one line per reason.</summary>
    private const int MostKinds = 10_000;

    private readonly ConcurrentDictionary<string, Tally> _tallies = new();

    /// <summary>A refusal of somebody whose workspace is not known: goes to the installation's log.</summary>
    public void Unknown(Call call, string reason, string type = "auth.failed")
    {
        var network = _tallies.Count < MostKinds ? RateLimiter.Network(call.Address).ToString() : "many";
        Count($"?|{network}|{type}|{reason}", () => new Tally(null, new Origin(new Actor("anonymous", "anonymous"), call.Address.ToString(), null, call.RequestId),
            new Event(type) { Outcome = "denied", Reason = reason, Log = EventLog.Installation }));
    }

    /// <summary>A refusal of a known credential: goes to its workspace's log.</summary>
    public void Known(Tenant tenant, Origin origin, string type, string reason) =>
        Count($"{tenant.WorkspaceId}|{origin.Actor.Id}|{type}|{reason}", () => new Tally(tenant, origin,
            new Event(type, new Resource(origin.Actor.Type, origin.Actor.Id)) { Outcome = "denied", Reason = reason }));

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(PeriodSeconds), clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                Flush();
            }
        }
        catch (OperationCanceledException)
        {
            Flush();
        }
    }

    private void Flush()
    {
        foreach (var (kind, tally) in _tallies)
        {
            var count = Interlocked.Exchange(ref tally.Repeated, 0);
            if (count == 0)
            {
                _tallies.TryRemove(KeyValuePair.Create(kind, tally));
            }
            else
            {
                Append(tally, count);
            }
        }
    }

    private void Count(string kind, Func<Tally> make)
    {
        if (_tallies.TryGetValue(kind, out var tally) || !_tallies.TryAdd(kind, tally = make()))
        {
            Interlocked.Increment(ref tally.Repeated);
            return;
        }

        Append(tally, 1);
    }

    /// <summary>Not awaited: a refusal is answered whether or not the disk can take its record.</summary>
    private void Append(Tally tally, long count)
    {
        var happened = tally.Happened with { Changes = count > 1 ? [new FieldChange("count", null, count)] : [] };
        var work = new AppendWork();
        work.Rows.Add(trail.Row(tally.Tenant, tally.Origin, happened));
        _ = store.Committer.AppendAsync(work).AsTask();
    }

    private sealed class Tally(Tenant? tenant, Origin origin, Event happened)
    {
        public long Repeated;

        public Tenant? Tenant { get; } = tenant;

        public Origin Origin { get; } = origin;

        public Event Happened { get; } = happened;
    }
}
