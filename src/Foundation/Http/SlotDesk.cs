using Crew.Kernel;
using Crew.Storage;

namespace Crew.Http;

/// <summary>Fetches slots of what subjects may have open at one moment.</summary>
internal sealed class SlotDesk(Lazy<Store> store, TimeProvider clock) : LeaseDesk<SlotLease>("slots", store, clock)
{
    /// <summary>Takes a slot of a subject. False when all are taken; the fault says that the database does not answer.</summary>
    public ValueTask<Outcome<bool>> EnterAsync(string subject, int limit) => LeaseOf(subject).EnterAsync(limit);

    /// <summary>Frees a slot that was taken.</summary>
    public void Leave(string subject) => LeaseOf(subject).Leave();

    protected override SlotLease Open(string subject) => new(subject, Enqueue, () => Store.Node.Epoch, Clock);

    protected override async Task FetchAsync(IReadOnlyList<SlotLease> leases, CancellationToken cancel)
    {
        var epoch = Store.Node.Epoch;
        var asks = leases.Select(l => l.Draw()).ToList();
        var answered = await SlotAppend.TakeAsync(Store, epoch, asks, cancel);
        var grants = answered.Fault is null ? answered.Value : null;
        for (var index = 0; index < leases.Count; index++)
        {
            leases[index].Answer(grants?[index], epoch);
        }
    }
}
