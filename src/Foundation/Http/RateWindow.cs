using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Crew.Http;

/// <summary>What a limiter says about one request, and what the headers show.</summary>
public readonly record struct RateDecision(bool Allowed, int Limit, int Remaining, long ResetUnixSeconds, int RetryAfterSeconds)
{
    internal void WriteTo(IHeaderDictionary headers)
    {
        headers["X-RateLimit-Limit"] = Limit.ToString(CultureInfo.InvariantCulture);
        headers["X-RateLimit-Remaining"] = Remaining.ToString(CultureInfo.InvariantCulture);
        headers["X-RateLimit-Reset"] = ResetUnixSeconds.ToString(CultureInfo.InvariantCulture);
        headers["X-RateLimit-Window"] = RateWindow.WindowSeconds.ToString(CultureInfo.InvariantCulture);
    }
}

/// <summary>
/// Requests of one subject in fixed windows of a minute. A fifth above the limit is let through as a burst; the burst comes
/// back after a window in which it was not touched. Pure: the time comes in.
/// </summary>
public sealed class RateWindow
{
    public const int WindowSeconds = 60;

    /// <summary>The burst allowance: one in this many of the limit.</summary>
    private const int BurstDivisor = 5;

    private readonly Lock _gate = new();
    private long _window = -1;
    private int _count;
    private int _burstUsed;

    /// <summary>Counts one request at a time given in Unix seconds.</summary>
    public RateDecision Take(int limit, long nowSeconds)
    {
        lock (_gate)
        {
            var window = nowSeconds / WindowSeconds;
            if (window != _window)
            {
                // A window without use of the burst, or one that passed in silence, gives the burst back.
                var quiet = window > _window + 1 || _count <= limit;
                (_window, _burstUsed, _count) = (window, quiet ? 0 : _burstUsed, 0);
            }

            var reset = (window + 1) * WindowSeconds;
            var burst = limit / BurstDivisor;
            var allowed = _count < limit || _burstUsed < burst;
            if (_count >= limit && allowed)
            {
                _burstUsed++;
            }

            // Refused requests count too, or a client that hammers would have "quiet" windows.
            _count = Math.Min(_count + 1, int.MaxValue - 1);
            return new RateDecision(allowed, limit, Math.Max(0, limit - _count), reset, (int)(reset - nowSeconds));
        }
    }

    /// <summary>What the headers would show, counting nothing.</summary>
    public RateDecision Look(int limit, long nowSeconds)
    {
        lock (_gate)
        {
            var window = nowSeconds / WindowSeconds;
            var reset = (window + 1) * WindowSeconds;
            return new RateDecision(true, limit, Math.Max(0, limit - (window == _window ? _count : 0)), reset, (int)(reset - nowSeconds));
        }
    }

    internal long LastWindow => Volatile.Read(ref _window);
}
