namespace Crew.Webhooks.Tests;

/// <summary>A clock that runs on and can be put forward or back: timers are real, so loops go on by themselves.</summary>
internal sealed class MovedClock : TimeProvider
{
    private long _movedTicks;

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow().AddTicks(Interlocked.Read(ref _movedTicks));

    public void Move(TimeSpan by) => Interlocked.Add(ref _movedTicks, by.Ticks);
}
