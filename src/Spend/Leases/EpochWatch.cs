using Crew.Kernel;
using Crew.Spend.Contracts;

namespace Crew.Spend;

/// <summary>
/// Keeps this process's epoch alive beside other nodes, and ends those of nodes that are dead. A node that was stopped or cut off for
/// so long that others closed its leases begins a new epoch: it spends nothing more of the old leases, settles what it holds of them,
/// and gives back what they did not use.
/// </summary>
internal sealed class EpochWatch(Ledger ledger, EpochDoor door, SpendOptions options, TimeProvider clock)
{
    private readonly Dictionary<long, (long SeenMs, long Since)> _others = [];
    private long _renewed;

    /// <summary>Begins an epoch. Who was dead before this process started is closed at once.</summary>
    public async Task<Outcome<bool>> BeginAsync(CancellationToken cancel)
    {
        var begun = await door.Begin(cancel);
        if (begun.Failed(out var fault))
        {
            return fault;
        }

        var renewed = await door.Renew(begun.Value, cancel);
        if (renewed.Failed(out fault))
        {
            return fault;
        }

        if (door.IsShared && renewed.Value.DatabaseMs is null)
        {
            // Others ended it before its first report: this process stood still. The next tick begins another one.
            return Faults.StorageUnavailable;
        }

        var deadBefore = door.IsShared ? renewed.Value.DatabaseMs - (options.DeadAfterSeconds * 1_000L) : long.MaxValue;
        var closed = await door.CloseDead([.. renewed.Value.Others.Where(o => o.SeenMs < deadBefore)], cancel);
        if (closed.Failed(out fault))
        {
            return fault;
        }

        CrashPoint.Pass(CrashPoints.EpochAfter);
        ledger.Desk.Open(begun.Value);
        Take(renewed.Value);
        return true;
    }

    /// <summary>One report of life, beside other nodes only.</summary>
    public async Task RenewAsync(CancellationToken cancel)
    {
        if (!door.IsShared)
        {
            return;
        }

        var renewed = await door.Renew(ledger.Desk.Epoch, cancel);
        if (renewed.Fault is not null)
        {
            return;
        }

        if (renewed.Value.DatabaseMs is null)
        {
            ledger.Desk.Invalidate(ledger.Desk.Epoch);
            foreach (var book in ledger.Books)
            {
                book.Abandon();
            }

            await BeginAsync(cancel);
            return;
        }

        var dead = Dead(renewed.Value);
        Take(renewed.Value);
        if (dead.Count > 0)
        {
            await door.CloseDead(dead, cancel);
        }
    }

    private void Take(Renewal renewal)
    {
        _renewed = renewal.Before;
        if (door.IsShared)
        {
            ledger.Desk.Renewed(renewal.Before);
            ledger.Desk.Time.Set(renewal.DatabaseMs!.Value, renewal.Before, renewal.After);
        }
    }

    /// <summary>
    /// Who has been silent for too long while this node was in touch all the time. After an outage of the database everybody has been
    /// silent, and nobody is dead.
    /// </summary>
    private List<OtherEpoch> Dead(Renewal renewal)
    {
        if (clock.GetElapsedTime(_renewed, renewal.Before) > TimeSpan.FromSeconds(options.ValidSeconds))
        {
            _others.Clear();
        }

        foreach (var gone in _others.Keys.Except(renewal.Others.Select(o => o.Epoch)).ToList())
        {
            _others.Remove(gone);
        }

        var dead = new List<OtherEpoch>();
        foreach (var other in renewal.Others)
        {
            if (!_others.TryGetValue(other.Epoch, out var known) || known.SeenMs != other.SeenMs)
            {
                _others[other.Epoch] = (other.SeenMs, renewal.Before);
            }
            else if (clock.GetElapsedTime(known.Since, renewal.Before) > TimeSpan.FromSeconds(options.DeadAfterSeconds))
            {
                dead.Add(other);
            }
        }

        return dead;
    }
}
