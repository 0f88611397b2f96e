using Crew.Kernel;
using Crew.Storage;

namespace Crew.Http;

/// <summary>
/// Limits of model calls that are one count over all nodes of a database. A node takes parts of them ahead of need, so that most calls
/// are counted in memory; a server alone (SQLite) shares them with nobody, and counts for itself.
/// </summary>
public sealed class SharedLimits
{
    private readonly RateDesk _rates;
    private readonly SlotDesk _slots;
    private readonly Lazy<Store> _store;

    internal SharedLimits(RateDesk rates, SlotDesk slots, Lazy<Store> store) => (_rates, _slots, _store) = (rates, slots, store);

    /// <summary>Whether there may be other nodes to share with.</summary>
    public bool IsShared => _store.Value.Node.Epoch != 0;

    /// <summary>Counts tokens of a subject in the minute that runs by the database's clock. They enter as long as any are left of the limit.</summary>
    /// <returns>The decision; a fault when the database, which counts for all nodes, does not answer.</returns>
    public ValueTask<Outcome<RateDecision>> TakeTokensAsync(string subject, int limit, long tokens) => _rates.TakeTokensAsync(subject, limit, tokens);

    /// <summary>Adds what became known after a call had entered; less than nothing takes back.</summary>
    public void CorrectTokens(string subject, long tokens) => _rates.CorrectTokens(subject, tokens);

    /// <summary>Opens one of the streams that a subject may have at one moment; to be closed by <see cref="LeaveStream"/>.</summary>
    /// <returns>False when all are open; a fault when the database does not answer.</returns>
    public ValueTask<Outcome<bool>> EnterStreamAsync(string subject, int limit) => _slots.EnterAsync(subject, limit);

    public void LeaveStream(string subject) => _slots.Leave(subject);
}
