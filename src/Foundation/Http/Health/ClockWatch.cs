using Microsoft.Extensions.Hosting;

namespace Crew.Http;

/// <summary>
/// Compares the wall clock with the monotonic one every second. Leases and waits go by the monotonic clock and are not moved by a jump;
/// budget windows, expiry of keys, retention and timestamps go by the wall clock. A process that stood still (stopped, or its machine
/// was paused) is noticed, too.
/// </summary>
public sealed class ClockWatch(Conditions conditions, Metrics metrics, TimeProvider clock) : BackgroundService
{
    private const string Name = "clock";
    private const int PeriodMilliseconds = 1_000;
    private const int JumpMilliseconds = 2_000;
    private const int StandstillMilliseconds = 5_000;

    /// <summary>How long a jump stays visible in the condition.</summary>
    private const int ShownMinutes = 10;

    private long _jumps;
    private long _standstills;
    private double _lastJumpSeconds;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        metrics.Gauge("crew_clock_jumps", "Jumps of the wall clock by more than two seconds since this node started.", () => Volatile.Read(ref _jumps));
        metrics.Gauge("crew_clock_last_jump_seconds", "How far the wall clock jumped the last time; negative is back.", () => Volatile.Read(ref _lastJumpSeconds));
        metrics.Gauge("crew_process_standstills", "Times that this process stood still for more than five seconds.", () => Volatile.Read(ref _standstills));
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(PeriodMilliseconds), clock);
        var (wall, mark) = (clock.GetUtcNow(), clock.GetTimestamp());
        conditions.Set(new Condition(Name, "ok", ConditionLevel.Fine, "The clock runs evenly."));
        long? shown = null;
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                var (nowWall, nowMark) = (clock.GetUtcNow(), clock.GetTimestamp());
                var passed = clock.GetElapsedTime(mark, nowMark);
                if (Judge(nowWall - wall, passed) is { } condition)
                {
                    shown = nowMark;
                    conditions.Set(condition);
                }
                else if (shown is { } since && clock.GetElapsedTime(since, nowMark) > TimeSpan.FromMinutes(ShownMinutes))
                {
                    shown = null;
                    conditions.Set(new Condition(Name, "ok", ConditionLevel.Fine, "The clock has run evenly for ten minutes."));
                }

                (wall, mark) = (nowWall, nowMark);
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }

    /// <summary>What the two clocks say of the time between two looks.</summary>
    private Condition? Judge(TimeSpan byWall, TimeSpan byMonotonic)
    {
        var jump = byWall - byMonotonic;
        if (Math.Abs(jump.TotalMilliseconds) > JumpMilliseconds)
        {
            Interlocked.Increment(ref _jumps);
            Volatile.Write(ref _lastJumpSeconds, jump.TotalSeconds);
            return new Condition(Name, "jumped", ConditionLevel.Degraded,
                $"The wall clock jumped by {jump.TotalSeconds:+0.0;-0.0} s. Budget windows, expiry of keys, retention and timestamps follow it.");
        }

        if (byMonotonic.TotalMilliseconds > StandstillMilliseconds)
        {
            Interlocked.Increment(ref _standstills);
            return new Condition(Name, "stood_still", ConditionLevel.Degraded, $"This process stood still for {byMonotonic.TotalSeconds:0.0} s.");
        }

        return null;
    }
}
