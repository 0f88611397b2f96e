using Crew.Kernel;

namespace Crew.Http;

/// <summary>What a node asks for one subject: a portion, or to take back what it does not use.</summary>
internal readonly record struct RateAsk(string Subject, long Limit, long Want, long Urgency, long Back, long BackMinute);

/// <summary>What the database answers.</summary>
/// <param name="Minute">The minute that runs by the database's clock, since 1970.</param>
/// <param name="LeftMs">Milliseconds until it ends.</param>
/// <param name="Given">Requests handed out by this answer.</param>
/// <param name="Granted">Requests handed out to all nodes in this minute.</param>
/// <param name="Nodes">Nodes that serve.</param>
internal sealed record RateGrant(string Subject, long Minute, long LeftMs, long Given, long Granted, long Nodes);

/// <summary>
/// This node's portion of what one subject may request in the minute that runs. While it lasts, requests are counted in memory; a
/// new portion is fetched ahead of need while there is plenty, and waited for near the limit. The database hands out no more than limit
/// and burst, whatever nodes do, so a portion that is lost is only missing.
/// </summary>
internal sealed class RateLease(string subject, Action<RateLease> enqueue, TimeProvider clock)
    : AskingLease<RateLease, bool>(enqueue, false, clock), ILease
{
    /// <summary>The end of subjects that count tokens: by the hundred, without a burst, and with corrections that come later.</summary>
    public const string OfTokens = " tokens";

    private const int FirstPortionShare = 48;

    private readonly long _largestPortion = subject.EndsWith(OfTokens, StringComparison.Ordinal) ? 1 << 20 : 8_192;
    private readonly long _largestFirstPortion = subject.EndsWith(OfTokens, StringComparison.Ordinal) ? 1 << 16 : 64;

    /// <summary>A portion that lasts shorter than this doubles the next one, one that lasts ten times as long halves it.</summary>
    private const int ShortMilliseconds = 250;

    /// <summary>How long a "nothing left" is believed, before the next request may ask again.</summary>
    private const int EmptyMilliseconds = 250;

    /// <summary>How often it is asked again at once, while other nodes give back what they do not use.</summary>
    private const int Recalls = 8;

    private bool _isUnsure;
    private int _inVain;
    private long _urgency;
    private long _minute = -1;
    private long _endsAt = long.MinValue;
    private long _emptyUntil = long.MinValue;
    private long _askedAt = clock.GetTimestamp();
    private long _usedAt;
    private long _givenAt;
    private long? _recalledAt;
    private long _granted;
    private long _tokens;
    private long _back;

    /// <summary>Used beyond all portions, and not yet told to the database; and what is being told to it right now.</summary>
    private long _debt;
    private long _tellingDebt;
    private long _portion;
    private int _limit;

    public string Subject { get; } = subject;

    /// <summary>How long ago the last request asked.</summary>
    public TimeSpan UnusedFor => Clock.GetElapsedTime(Volatile.Read(ref _askedAt));

    /// <summary>Counts one request, or what it uses at the least: it enters as long as anything is left.</summary>
    public ValueTask<Outcome<RateDecision>> TakeAsync(int limit, long amount = 1)
    {
        lock (Gate)
        {
            return TryTake(limit, amount) is { } decision ? ValueTask.FromResult<Outcome<RateDecision>>(decision) : WaitAsync(limit, amount, Join());
        }
    }

    /// <summary>What became known after a request had entered: it used more than was counted, or less.</summary>
    public void Correct(long amount)
    {
        lock (Gate)
        {
            if (Clock.GetTimestamp() < _endsAt)
            {
                _tokens -= amount;
            }
            else
            {
                // In the minute in which it becomes known; less than nothing was not used in it.
                _debt += Math.Max(amount, 0);
            }

            if (_debt > 0 || _tokens < 0)
            {
                Queue();
            }
        }
    }

    /// <summary>What to ask now. Called by the desk, once for each time the lease was queued.</summary>
    public RateAsk Draw()
    {
        lock (Gate)
        {
            Asking();
            var now = Clock.GetTimestamp();
            var isWanted = IsPending;
            _urgency = Waiting == 0 ? 0 : _isUnsure && _inVain >= Recalls ? 2 : 1;
            (_tellingDebt, _debt) = (_tellingDebt + _debt + Math.Max(-_tokens, 0), 0);
            var (back, minute) = (_back - _tellingDebt, _minute);
            (_back, _tokens) = (0, Math.Max(_tokens, 0));
            return new RateAsk(Subject, _limit, isWanted ? Math.Max(Portion(now), Waiting) : 0, _urgency, back, minute);
        }
    }

    /// <summary>Takes the answer in; null means that the database did not give one.</summary>
    public void Answer(RateGrant? grant, long sentAt)
    {
        lock (Gate)
        {
            if (grant is null)
            {
                (_debt, _tellingDebt) = (_debt + _tellingDebt, 0);
                Complete(false);
                return;
            }

            _tellingDebt = 0;
            if (grant.Minute != _minute)
            {
                _debt += Math.Max(-_tokens, 0);
                (_minute, _tokens, _back, _emptyUntil) = (grant.Minute, 0, 0, long.MinValue);
            }

            var now = Clock.GetTimestamp();
            _endsAt = sentAt + Ticks(grant.LeftMs);
            _granted = grant.Granted;
            _isUnsure = grant.Nodes > 1;
            if (grant.Given > 0 || Waiting == 0)
            {
                (_tokens, _givenAt, _inVain) = (_tokens + grant.Given, now, 0);
                Complete(true);
            }
            else if (_urgency == 0)
            {
                Queue();
            }
            else if (_isUnsure && _urgency < 2)
            {
                _inVain++;
                QueueLater();
            }
            else
            {
                (_inVain, _emptyUntil) = (0, now + Ticks(EmptyMilliseconds));
                Complete(true);
            }

            if (_debt > 0)
            {
                Queue();
            }
        }
    }

    /// <summary>Gives back what was not used for a while: at once when others may be short of it.</summary>
    public void Tidy(bool isShort)
    {
        const int idleMilliseconds = 5_000;
        lock (Gate)
        {
            var idle = Clock.GetElapsedTime(_usedAt).TotalMilliseconds;
            if (_tokens <= 0 || IsPending || Clock.GetTimestamp() >= _endsAt
                || (!isShort && idle < (_granted > _limit / 2 ? ShortMilliseconds : idleMilliseconds)))
            {
                return;
            }

            // Asked for the first time, a node that is busy keeps what it is about to use. Asked again, it keeps nothing: whoever asks
            // refuses when that did not help, and nobody is refused while another node has something left.
            var (now, isFirst) = (Clock.GetTimestamp(), _recalledAt is not { } at || Clock.GetElapsedTime(at).TotalMilliseconds >= ShortMilliseconds);
            var kept = isShort && isFirst && idle < ShortMilliseconds ? _tokens / 2 : 0;
            _recalledAt = isShort ? now : _recalledAt;
            (_back, _tokens, _portion) = (_back + _tokens - kept, kept, 1);
            Queue();
        }
    }

    private RateDecision? TryTake(int limit, long amount)
    {
        var now = Clock.GetTimestamp();
        (_limit, _askedAt) = (limit, now);
        if (now >= _endsAt)
        {
            return null;
        }

        if (_tokens > 0)
        {
            _tokens -= amount;
            _usedAt = now;
            if (_tokens < _portion / 2 && !IsPending && _granted < limit)
            {
                Expect();
            }
            else if (_tokens < 0)
            {
                Queue();
            }

            return Decide(true, now);
        }

        return now < _emptyUntil || IsCrowded ? Decide(false, now) : null;
    }

    private async ValueTask<Outcome<RateDecision>> WaitAsync(int limit, long amount, Task<bool> answered)
    {
        while (true)
        {
            if (!await AnsweredAsync(answered))
            {
                return Faults.StorageUnavailable;
            }

            lock (Gate)
            {
                if (TryTake(limit, amount) is { } decision)
                {
                    return decision;
                }

                answered = Join();
            }
        }
    }

    /// <summary>The size of the next portion, by how fast the last one went and how far the limit is.</summary>
    private long Portion(long now)
    {
        if (_portion == 0 || now >= _endsAt)
        {
            return _portion = Math.Clamp(_limit / FirstPortionShare, 1, _largestFirstPortion);
        }

        var lasted = Clock.GetElapsedTime(_givenAt, now).TotalMilliseconds;
        return _portion = lasted < ShortMilliseconds ? Math.Min(_portion * 2, _largestPortion)
            : lasted > ShortMilliseconds * 10 ? Math.Max(1, _portion / 2)
            : _portion;
    }

    private RateDecision Decide(bool isAllowed, long now)
    {
        var left = Math.Max(0, _endsAt - now) / (double)Clock.TimestampFrequency;
        var remaining = (int)Math.Clamp(_limit - _granted + _tokens, 0, _limit);
        return new RateDecision(isAllowed, _limit, isAllowed ? remaining : 0, (_minute + 1) * RateWindow.WindowSeconds, Math.Max(1, (int)Math.Ceiling(left)));
    }

    private long Ticks(long milliseconds) => milliseconds * Clock.TimestampFrequency / 1_000;
}
