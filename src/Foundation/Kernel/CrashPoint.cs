using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;

namespace Crew.Kernel;

/// <summary>
/// A place where a test lets the process die. Armed by <c>CREW_CRASH_POINT=name:n</c> the n-th pass of that name ends the process at once,
/// as a lost machine would: no handler runs, nothing is flushed. Without the variable a pass is a check that the compiler removes.
/// </summary>
public static class CrashPoint
{
    /// <summary>The variable that arms one of <see cref="CrashPoints"/>.</summary>
    public const string Variable = "CREW_CRASH_POINT";

    private static readonly string? Armed = Read(out Left);
    private static readonly bool IsArmed = Armed is not null;
    private static int Left;

    /// <param name="point">One of <see cref="CrashPoints"/>; each is passed in one place of the code.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Pass(string point)
    {
        if (IsArmed)
        {
            Count(point);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Count(string point)
    {
        if (point == Armed && Interlocked.Decrement(ref Left) == 0)
        {
            using var self = Process.GetCurrentProcess();
            self.Kill();
        }
    }

    /// <summary>A value that names no pass arms nothing: a server must not stay down for want of a crash.</summary>
    private static string? Read(out int passes)
    {
        passes = 0;
        var parts = Environment.GetEnvironmentVariable(Variable)?.Split(':');
        return parts is [var name, var count] && int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out passes) && passes > 0 ? name : null;
    }
}
