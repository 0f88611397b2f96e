using System.Collections.Concurrent;
using Crew.Webhooks.Events;

namespace Crew.Webhooks.Delivery;

/// <summary>A delivery with all that its attempt needs.</summary>
/// <param name="Id">Id of the delivery, the same in every attempt.</param>
/// <param name="Event">The event, without its data.</param>
/// <param name="Type">The event's name as this subscriber gets it.</param>
/// <param name="Data">The event's data.</param>
/// <param name="Attempts">Attempts made so far.</param>
internal sealed record Parcel(string Id, string EndpointId, StoredEvent Event, string Type, byte[] Data, long Attempts);

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

        Nudge();
    }

    /// <summary>Wakes who waits.</summary>
    public void Nudge()
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
