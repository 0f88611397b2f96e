namespace Crew.Spend;

/// <summary>
/// The least that an allowance used since certain moments. A refusal needs one instant at which nothing was left, and the nodes answer
/// at different ones: each says the least that it used over a span that holds the moment of the question.
/// </summary>
internal struct LowMarks
{
    /// <summary>Since the last answered recall was read: what the next answer says.</summary>
    public long SinceAnswer { get; private set; }

    /// <summary>Since the recall that is being answered was read.</summary>
    public long SinceRead { get; private set; }

    /// <summary>Since the extension under way was taken, which may turn out to ask.</summary>
    public long SinceTaken { get; private set; }

    /// <summary>Since this node asked.</summary>
    public long SinceAsked { get; private set; }

    public void Note(long used)
    {
        SinceAnswer = Math.Min(SinceAnswer, used);
        SinceRead = Math.Min(SinceRead, used);
        SinceTaken = Math.Min(SinceTaken, used);
        SinceAsked = Math.Min(SinceAsked, used);
    }

    /// <summary>Call before the number of the recall is read from the database, so that the span holds the moment it was asked.</summary>
    public void BeginRead(long used) => SinceRead = used;

    public void BeginTake(long used) => SinceTaken = used;

    public void Asked() => SinceAsked = SinceTaken;

    public void Answered() => SinceAnswer = SinceRead;
}
