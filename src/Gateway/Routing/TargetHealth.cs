using Crew.Gateway.Providers;

namespace Crew.Gateway.Routing;

/// <summary>Whether a target takes calls.</summary>
internal enum CircuitState
{
    /// <summary>It does.</summary>
    Closed,

    /// <summary>It failed several times in a row, or asked to be left alone; it is passed over while another target can take the call.</summary>
    Open,

    /// <summary>Its rest is over, and the next call, one at a time, shows whether it has recovered.</summary>
    HalfOpen,
}

/// <summary>How a target stands, for the API.</summary>
internal sealed record HealthAnswer(
    CircuitState State, DateTimeOffset? RestsUntil, double? LatencyMs, int InFlight, int FailuresInARow, long Successes, long Failures, bool HonoursOutputCap);

/// <summary>
/// What this process knows of one upstream model at one provider: its circuit breaker, and its latency as a peak-sensitive moving average
/// (a slower answer counts at once, a faster one by and by). Time comes in; nothing here waits. Thread-safe.
/// </summary>
internal sealed class TargetHealth(Action? capBroken = null)
{
    /// <summary>Failures in a row that open the circuit.</summary>
    public const int FailuresToOpen = 5;

    /// <summary>The first rest; each further one in a row is twice as long.</summary>
    public const int FirstRestSeconds = 10;

    public const int MostRestSeconds = 120;

    /// <summary>A provider that asks for a longer rest (Retry-After) gets this much: it may have meant an account's whole day.</summary>
    public const int MostRetryAfterSeconds = 60;

    private const double DecayMilliseconds = 10_000;

    private readonly Lock _gate = new();
    private volatile bool _refusesUsage;
    private long _restsUntilMs;
    private int _failuresInARow;
    private int _rests;
    private bool _isOpen;
    private bool _isProbing;
    private double _latency;
    private long _latencyAtMs;
    private int _inFlight;
    private long _successes;
    private long _failures;

    /// <summary>How the provider keeps to output caps with this model.</summary>
    public CapRecord Cap { get; } = new(capBroken);

    /// <summary>It takes no wish for usage in a stream, as it has said once.</summary>
    public bool RefusesUsage => _refusesUsage;

    public void RefuseUsage() => _refusesUsage = true;

    /// <summary>Whether a call may go there now without taking the place of a probe.</summary>
    public bool IsReady(DateTimeOffset now)
    {
        lock (_gate)
        {
            return !_isOpen || (now.ToUnixTimeMilliseconds() >= _restsUntilMs && !_isProbing);
        }
    }

    public DateTimeOffset RestsUntil
    {
        get
        {
            lock (_gate)
            {
                return DateTimeOffset.FromUnixTimeMilliseconds(_restsUntilMs);
            }
        }
    }

    /// <summary>
    /// What a further call there costs in time: the expected latency for each call under way and itself. A target without history costs next
    /// to nothing, so that it gets one.
    /// </summary>
    public double CostAt(DateTimeOffset now)
    {
        lock (_gate)
        {
            var latency = _latency * Math.Exp(-Math.Max(now.ToUnixTimeMilliseconds() - _latencyAtMs, 0) / DecayMilliseconds);
            return Math.Max(latency, 1) * (_inFlight + 1);
        }
    }

    /// <summary>A call goes there.</summary>
    public void Begin(DateTimeOffset now)
    {
        lock (_gate)
        {
            _inFlight++;
            _isProbing |= _isOpen && now.ToUnixTimeMilliseconds() >= _restsUntilMs;
        }
    }

    /// <summary>It answered; what it said to the client does not matter.</summary>
    public void Succeed(DateTimeOffset now, double latencyMs)
    {
        lock (_gate)
        {
            _successes++;
            (_failuresInARow, _rests, _isOpen, _isProbing) = (0, 0, false, false);
            var at = now.ToUnixTimeMilliseconds();
            var kept = Math.Exp(-Math.Max(at - _latencyAtMs, 0) / DecayMilliseconds);
            _latency = latencyMs >= _latency ? latencyMs : (_latency * kept) + (latencyMs * (1 - kept));
            _latencyAtMs = at;
        }
    }

    /// <summary>It did not answer, or said that it cannot.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="retryAfter">How long it wants to be left alone; null when it did not say.</param>
    public void Fail(DateTimeOffset now, TimeSpan? retryAfter)
    {
        lock (_gate)
        {
            _failures++;
            _failuresInARow++;
            var rest = retryAfter is { } asked && asked > TimeSpan.Zero ? Math.Min(asked.TotalSeconds, MostRetryAfterSeconds) : 0;
            if (_isProbing || _failuresInARow >= FailuresToOpen)
            {
                rest = Math.Max(rest, Math.Min(FirstRestSeconds * Math.Pow(2, _rests), MostRestSeconds));
                _rests = Math.Min(_rests + 1, 10);
            }

            if (rest > 0)
            {
                (_isOpen, _isProbing) = (true, false);
                _restsUntilMs = Math.Max(_restsUntilMs, now.ToUnixTimeMilliseconds() + (long)(rest * 1_000));
            }
        }
    }

    /// <summary>The call is over, however it ended.</summary>
    /// <param name="wasJudged">False when it ended for reasons that say nothing of the target: a probe is then still owed.</param>
    public void End(bool wasJudged)
    {
        lock (_gate)
        {
            _inFlight--;
            _isProbing &= wasJudged;
        }
    }

    public HealthAnswer ToAnswer(DateTimeOffset now, bool honoursOutputCap)
    {
        lock (_gate)
        {
            var isResting = _isOpen && now.ToUnixTimeMilliseconds() < _restsUntilMs;
            return new HealthAnswer(
                !_isOpen ? CircuitState.Closed : isResting ? CircuitState.Open : CircuitState.HalfOpen,
                isResting ? DateTimeOffset.FromUnixTimeMilliseconds(_restsUntilMs) : null, _successes == 0 ? null : Math.Round(_latency, 1), _inFlight,
                _failuresInARow, _successes, _failures, honoursOutputCap);
        }
    }
}
