namespace Crew.Storage;

/// <summary>
/// Whether a batch that is not yet full waits for more rows. Waiting pays where several more works come within that time; below
/// that rate every request would wait for company that hardly ever arrives, which was most of what a quiet server's answers took.
/// For one thread at a time.
/// </summary>
internal sealed class GatherRule(TimeSpan wait, TimeProvider clock)
{
    /// <summary>Works that must be expected within the wait.</summary>
    private const double LeastExpected = 4;

    /// <summary>The rate is measured over at least so long: a burst of a few works is not yet load.</summary>
    private static readonly TimeSpan Window = TimeSpan.FromMilliseconds(20);

    private long _since = clock.GetTimestamp();
    private long _works;

    /// <summary>Whether the last whole window brought enough works.</summary>
    public bool Pays { get; private set; }

    /// <summary>Notes the works of a batch that was just committed.</summary>
    public void Note(int works)
    {
        _works += works;
        var passed = clock.GetElapsedTime(_since);
        if (passed < Window)
        {
            return;
        }

        Pays = _works * (wait / passed) >= LeastExpected;
        (_since, _works) = (clock.GetTimestamp(), 0);
    }
}
