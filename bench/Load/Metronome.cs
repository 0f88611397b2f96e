using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Crew.Bench.Load;

/// <summary>Calls back at even times from a thread that sleeps by the kernel's clock: timers here tick in milliseconds.</summary>
internal static class Metronome
{
    public static Task Start(int perSecond, TimeSpan duration, long origin, Action<long> tick)
    {
        var over = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() =>
        {
            var ticks = (long)(duration.TotalSeconds * perSecond);
            for (var number = 0L; number < ticks; number++)
            {
                var due = origin + (number * Stopwatch.Frequency / perSecond);
                SleepUntil(due);
                tick(due);
            }

            over.SetResult();
        })
        { IsBackground = true, Priority = ThreadPriority.AboveNormal, Name = "metronome" };
        thread.Start();
        return over.Task;
    }

    private static void SleepUntil(long due)
    {
        while (true)
        {
            var left = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), due);
            if (left <= TimeSpan.Zero)
            {
                return;
            }

            var wait = new TimeSpec(left.Ticks / TimeSpan.TicksPerSecond, left.Ticks % TimeSpan.TicksPerSecond * 100);
            _ = NanoSleep(ref wait, IntPtr.Zero);
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct TimeSpec(long seconds, long nanoseconds)
    {
        public readonly long Seconds = seconds;
        public readonly long Nanoseconds = nanoseconds;
    }

    [DllImport("libc", EntryPoint = "nanosleep")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int NanoSleep(ref TimeSpec wait, IntPtr remaining);
}
