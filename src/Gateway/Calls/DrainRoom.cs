using System.Collections.Concurrent;
using Crew.Kernel;
using Microsoft.Extensions.Hosting;

namespace Crew.Gateway.Calls;

/// <summary>
/// Where answers are read to their end after their client has left, because the provider bills them to the end anyway and only the end
/// says how much. Bounded in number and time; at a stop of the server the last ones are given a few seconds. One tenant may use all of
/// it while nobody else wants any; when it is full, whoever has more than others makes room for them.
/// </summary>
/// <param name="most">Answers at a time.</param>
internal sealed class DrainRoom(TimeProvider clock, int most = DrainRoom.MaximumAnswers) : IHostedService
{
    public const int MaximumAnswers = 1_024;
    public const int MaximumSeconds = 600;
    private const int StopSeconds = 10;

    private readonly ConcurrentDictionary<StreamRelay, Task> _draining = new();
    private readonly Lock _gate = new();
    private readonly List<Place<StreamRelay>> _places = [];
    private volatile bool _isClosing;

    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _places.Count;
            }
        }
    }

    /// <summary>Takes an answer in; false when there is no room, and then it has to be broken off.</summary>
    public bool TryTake(StreamRelay relay)
    {
        if (_isClosing)
        {
            return false;
        }

        // Counted from here on, not from when a thread is free for it.
        var limit = new CancellationTokenSource(TimeSpan.FromSeconds(MaximumSeconds), clock);
        if (!TryEnter(relay, out var displaced))
        {
            limit.Dispose();
            return false;
        }

        displaced?.StopDraining();
        _draining[relay] = Task.Run(() => DrainAsync(relay, limit));
        if (relay.IsDrained)
        {
            _draining.TryRemove(relay, out _);
        }

        return true;
    }

    /// <summary>
    /// Who has to make room for a newcomer in a full room: the last one of the workspace that has the most, in the organization that has the
    /// most; nobody, where the newcomer's own would have the most then.
    /// </summary>
    internal static Place<T>? Displaced<T>(IReadOnlyList<Place<T>> places, Tenant newcomer)
        where T : class
    {
        var organization = places.GroupBy(p => p.Tenant.OrganizationId).MaxBy(g => g.Count());
        var own = places.Where(p => p.Tenant.OrganizationId == newcomer.OrganizationId).ToList();
        if (organization is null || (organization.Key != newcomer.OrganizationId && organization.Count() <= own.Count + 1))
        {
            return null;
        }

        var workspace = organization.GroupBy(p => p.Tenant.WorkspaceId).MaxBy(g => g.Count())!;
        return organization.Key == newcomer.OrganizationId && workspace.Count() <= own.Count(p => p.Tenant.WorkspaceId == newcomer.WorkspaceId) + 1
            ? null : workspace.Last();
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

    private bool TryEnter(StreamRelay relay, out StreamRelay? displaced)
    {
        displaced = null;
        lock (_gate)
        {
            if (_places.Count >= most)
            {
                if (Displaced(_places, relay.Tenant) is not { } place)
                {
                    return false;
                }

                // It ends within moments, and is settled as one for which there was no room.
                _places.Remove(place);
                displaced = place.Guest;
            }

            _places.Add(new Place<StreamRelay>(relay, relay.Tenant));
            return true;
        }
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
            lock (_gate)
            {
                _places.RemoveAll(p => p.Guest == relay);
            }

            _draining.TryRemove(relay, out _);
        }
    }
}

/// <summary>A place in the room: what is read to its end there, and whose it is.</summary>
internal sealed record Place<T>(T Guest, Tenant Tenant)
    where T : class;
