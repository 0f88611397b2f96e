using System.Collections.Concurrent;
using Crew.Webhooks.Events;

namespace Crew.Webhooks.Delivery;

/// <summary>A delivery with all that its attempt needs.</summary>
/// <param name="Id">Id of the delivery, the same in every attempt.</param>
/// <param name="Event">The event, without its data.</param>
/// <param name="Type">The event's name as this subscriber gets it.</param>
/// <param name="Data">The event's data.</param>
/// <param name="Attempts">Attempts made so far.</param>
internal sealed record Parcel(string Id, string EndpointId, StoredEvent Event, string Type, byte[] Data, long Attempts)
{
    /// <summary>The attempts so far, as they are kept.</summary>
    public string? Log { get; init; }

    public DateTimeOffset NextAt { get; init; }
}

/// <summary>
/// Where commits of this process tell of new deliveries, so that nobody has to look into the database for them. It is a hint: what does
/// not fit is found there.
/// </summary>
internal sealed class DeliveryInbox
{
    private const int MostParcels = 16_384;

    private readonly ConcurrentQueue<Parcel> _parcels = new();
    private readonly SemaphoreSlim _arrived = new(0, 1);
    private int _count;
    private bool _mustLook;

    public void Offer(Parcel parcel)
    {
        if (Interlocked.Increment(ref _count) > MostParcels)
        {
            Interlocked.Decrement(ref _count);
        }
        else
        {
            _parcels.Enqueue(parcel);
        }

        Wake();
    }

    /// <summary>Has the queues looked at, as after a change that nudged one of them in its own transaction.</summary>
    public void Nudge()
    {
        Volatile.Write(ref _mustLook, true);
        Wake();
    }

    /// <summary>Whether somebody asked for a look since the last one.</summary>
    public bool TakeLook() => Interlocked.Exchange(ref _mustLook, false);

    private void Wake()
    {
        if (_arrived.CurrentCount == 0)
        {
            try
            {
                _arrived.Release();
            }
            catch (SemaphoreFullException)
            {
                // Somebody else was quicker: one wake-up is enough.
            }
        }
    }

    public List<Parcel> TakeAll()
    {
        var taken = new List<Parcel>();
        while (_parcels.TryDequeue(out var parcel))
        {
            Interlocked.Decrement(ref _count);
            taken.Add(parcel);
        }

        return taken;
    }

    /// <summary>Waits for the next hint, or until the time is over.</summary>
    public Task WaitAsync(TimeSpan most, CancellationToken cancel) => _arrived.WaitAsync(most, cancel);
}
