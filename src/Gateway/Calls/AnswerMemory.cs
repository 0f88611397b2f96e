namespace Crew.Gateway.Calls;

/// <summary>
/// The memory of this process for answers in one piece, of all calls together. Such an answer is held whole until it is settled, and may be
/// large; without a bound a few hundred of them would take the server down with all others.
/// </summary>
internal sealed class AnswerMemory(long mostBytes)
{
    /// <summary>How long an answer waits for others to end, before it is refused.</summary>
    private const int WaitMilliseconds = 5_000;

    private const int LookMilliseconds = 50;
    private const int ShareOfMachine = 4;
    private const long LeastBytes = 256L << 20;
    private const long MostBytes = 2L << 30;

    private long _taken;

    public long TakenBytes => Volatile.Read(ref _taken);

    /// <summary>Nothing more fits: what has not been sent yet had better not be.</summary>
    public bool IsFull => TakenBytes >= mostBytes;

    /// <summary>A quarter of what the process may use, from 256 MiB to 2 GiB.</summary>
    public static AnswerMemory OfThisMachine() =>
        new(Math.Clamp(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / ShareOfMachine, LeastBytes, MostBytes));

    /// <summary>Takes so many bytes more for an answer, once there is room. False when none comes within a few seconds.</summary>
    public async ValueTask<bool> TakeAsync(long bytes, TimeProvider clock, CancellationToken cancel)
    {
        for (var started = clock.GetTimestamp(); !TryTake(bytes);)
        {
            if (clock.GetElapsedTime(started).TotalMilliseconds >= WaitMilliseconds)
            {
                return false;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(LookMilliseconds), clock, cancel);
        }

        return true;
    }

    public void GiveBack(long bytes) => Interlocked.Add(ref _taken, -bytes);

    private bool TryTake(long bytes)
    {
        if (Interlocked.Add(ref _taken, bytes) <= mostBytes)
        {
            return true;
        }

        GiveBack(bytes);
        return false;
    }
}
