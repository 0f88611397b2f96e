using System.Numerics;

namespace Crew.Bench.Load;

/// <summary>
/// Counts of durations in nanoseconds with a relative error below 0.1 % up to 18 minutes, in the manner of HdrHistogram:
/// 1,024 steps for each power of two. Adding is lock-free and allocates nothing.
/// </summary>
internal sealed class Histogram
{
    private const int StepBits = 10;
    private const int HighestBit = 40;
    private const int Steps = 1 << StepBits;

    private readonly long[] _counts = new long[(HighestBit - StepBits + 2) << StepBits];
    private long _total;
    private long _largest;

    public long Total => Interlocked.Read(ref _total);

    public long Largest => Interlocked.Read(ref _largest);

    public void Add(long nanoseconds)
    {
        var value = Math.Clamp(nanoseconds, 0, (1L << HighestBit) - 1);
        Interlocked.Increment(ref _counts[Slot(value)]);
        Interlocked.Increment(ref _total);
        for (var seen = Volatile.Read(ref _largest); value > seen; seen = Volatile.Read(ref _largest))
        {
            if (Interlocked.CompareExchange(ref _largest, value, seen) == seen)
            {
                return;
            }
        }
    }

    /// <summary>The duration that this share (0 to 1) of the values does not exceed; 0 when empty.</summary>
    public double At(double share)
    {
        var rank = Math.Max(1, (long)Math.Ceiling(Total * share));
        var seen = 0L;
        for (var slot = 0; slot < _counts.Length; slot++)
        {
            seen += _counts[slot];
            if (seen >= rank)
            {
                return Middle(slot);
            }
        }

        return Largest;
    }

    public double Milliseconds(double share) => At(share) / 1e6;

    private static int Slot(long value)
    {
        var shift = Math.Max(0, BitOperations.Log2((ulong)value | 1) - StepBits);
        return (shift << StepBits) + (int)(value >> shift);
    }

    private static double Middle(int slot)
    {
        if (slot < 2 * Steps)
        {
            return slot;
        }

        var shift = (slot >> StepBits) - 1;
        var low = (long)(slot - (shift << StepBits)) << shift;
        return low + ((1L << shift) / 2.0);
    }
}
