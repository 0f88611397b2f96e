using Crew.Kernel;
using Crew.Storage;

namespace Crew.Http;

/// <summary>Fetches portions of what subjects may use in a minute: requests, and tokens of model calls.</summary>
internal sealed class RateDesk(Lazy<Store> store, TimeProvider clock) : LeaseDesk<RateLease>("rates", store, clock)
{
    /// <summary>Counts one request of a subject; the fault says that the database, which counts for all nodes, does not answer.</summary>
    public ValueTask<Outcome<RateDecision>> TakeAsync(string subject, int limit) => LeaseOf(subject).TakeAsync(limit);

    /// <summary>Counts tokens of a subject; they enter as long as any are left.</summary>
    public ValueTask<Outcome<RateDecision>> TakeTokensAsync(string subject, int limit, long tokens) =>
        LeaseOf(subject + RateLease.OfTokens).TakeAsync(limit, tokens);

    public void CorrectTokens(string subject, long tokens) => LeaseOf(subject + RateLease.OfTokens).Correct(tokens);

    protected override RateLease Open(string subject) => new(subject, Enqueue, Clock);

    protected override async Task FetchAsync(IReadOnlyList<RateLease> leases, CancellationToken cancel)
    {
        var asks = leases.Select(l => l.Draw()).ToList();
        var sentAt = Clock.GetTimestamp();
        var answered = await RateAppend.TakeAsync(Store, asks, cancel);
        var grants = answered.Fault is null ? answered.Value : null;
        for (var index = 0; index < leases.Count; index++)
        {
            leases[index].Answer(grants?[index], sentAt);
        }
    }
}
