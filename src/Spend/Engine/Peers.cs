using System.Collections.Concurrent;

namespace Crew.Spend;

/// <summary>What this node knows of the others: who can be asked to give capacity back.</summary>
internal sealed class Peers(TimeProvider clock)
{
    private const int MostLeases = 4_096;
    private readonly ConcurrentDictionary<string, long> _unanswered = new(StringComparer.Ordinal);

    /// <summary>Milliseconds since a moment of the monotonic clock; zero for none.</summary>
    public double SinceMs(long? timestamp) => timestamp is { } t ? clock.GetElapsedTime(t).TotalMilliseconds : 0;

    /// <summary>Whether the holder's node is in touch with the database and answers recalls.</summary>
    public bool IsReachable(LeaseHolder holder, long nowMs) => nowMs - holder.SeenMs <= RecallRules.SilentMilliseconds
        && !(_unanswered.TryGetValue(holder.LeaseId, out var number) && holder.Answered < number);

    /// <summary>Remembers who has not answered, so that nobody waits for them again until they do.</summary>
    public void GiveUp(IEnumerable<LeaseHolder> holders, long number)
    {
        if (_unanswered.Count > MostLeases)
        {
            _unanswered.Clear();
        }

        foreach (var holder in holders.Where(h => h.Answered < number))
        {
            _unanswered[holder.LeaseId] = number;
        }
    }
}
