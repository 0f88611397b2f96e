using System.Collections.Concurrent;
using Crew.Gateway.Metering;
using Crew.Http;
using Crew.Kernel;

namespace Crew.Gateway.Calls;

/// <summary>
/// Tokens a minute and streams at one moment, per workspace, crew and key, counted by this process. A call enters with what its body has at
/// the least, and is corrected when it settles: a minute may go over by what is under way in it, and the next calls wait for its end.
/// </summary>
internal sealed class UsageLimits(TimeProvider clock)
{
    private const int MostMeters = 200_000;

    private readonly ConcurrentDictionary<string, UsageMeter> _meters = new(StringComparer.Ordinal);
    private long _sweptMinute;

    /// <summary>Admits a call to all levels or to none.</summary>
    /// <param name="call">Whose limits count.</param>
    /// <param name="tokens">What it uses at the least.</param>
    /// <param name="isStream">Only streams count against the limit of streams.</param>
    public Outcome<UsageTicket> Enter(Call call, long tokens, bool isStream)
    {
        var (crew, caller, workspace) = (call.CrewPolicy, call.Caller, call.Workspace);
        Span<(string Scope, int? Tokens, int? Streams)> levels =
        [
            ("key", caller.TokensPerMinute, caller.ConcurrentStreams), ("crew", crew.TokensPerMinute, crew.ConcurrentStreams),
            ("workspace", workspace.TokensPerMinute, workspace.ConcurrentStreams),
        ];
        var minute = clock.GetUtcNow().ToUnixTimeSeconds() / UsageMeter.WindowSeconds;
        UsageTicket? ticket = null;
        foreach (var (scope, mostTokens, mostStreams) in levels)
        {
            if (mostTokens is null && mostStreams is null)
            {
                continue;
            }

            Sweep(minute);
            ticket ??= new UsageTicket(clock, tokens, isStream);
            var subject = scope switch { "key" => caller.LineageId, "crew" => call.CrewId!, _ => workspace.Id };
            if (!ticket.TryEnter(_meters.GetOrAdd(subject, static _ => new UsageMeter()), mostTokens, mostStreams, minute, out var exhausted))
            {
                ticket.Leave();
                return GatewayFaults.LimitReached(exhausted, scope, exhausted == UsageMeter.Streams ? 1 : SecondsLeft());
            }
        }

        return ticket ?? UsageTicket.Unlimited;
    }

    private int SecondsLeft() => (int)(UsageMeter.WindowSeconds - (clock.GetUtcNow().ToUnixTimeSeconds() % UsageMeter.WindowSeconds));

    private void Sweep(long minute)
    {
        if (_meters.Count < MostMeters || Interlocked.Exchange(ref _sweptMinute, minute) == minute)
        {
            return;
        }

        foreach (var (subject, meter) in _meters.Where(m => m.Value.IsIdle(minute)).ToList())
        {
            _meters.TryRemove(KeyValuePair.Create(subject, meter));
        }
    }
}

/// <summary>The count of one workspace, crew or key.</summary>
internal sealed class UsageMeter
{
    public const int WindowSeconds = 60;
    public const string Tokens = "tokens_per_minute";
    public const string Streams = "concurrent_streams";

    private readonly Lock _gate = new();
    private long _minute;
    private long _tokens;
    private int _streams;

    /// <summary>Null when the call was counted; else the limit that it would break.</summary>
    public string? TryEnter(int? mostTokens, int? mostStreams, long tokens, bool isStream, long minute)
    {
        lock (_gate)
        {
            Turn(minute);
            if (_tokens >= mostTokens)
            {
                return Tokens;
            }

            if (isStream && _streams >= mostStreams)
            {
                return Streams;
            }

            _tokens += tokens;
            _streams += isStream ? 1 : 0;
            return null;
        }
    }

    /// <summary>Adds what became known later; in the minute in which it did.</summary>
    public void Correct(long tokens, int streams, long minute)
    {
        lock (_gate)
        {
            Turn(minute);
            _tokens = Math.Max(_tokens + tokens, 0);
            _streams += streams;
        }
    }

    public long TokensIn(long minute)
    {
        lock (_gate)
        {
            Turn(minute);
            return _tokens;
        }
    }

    public bool IsIdle(long minute)
    {
        lock (_gate)
        {
            return _streams == 0 && _minute < minute;
        }
    }

    private void Turn(long minute)
    {
        if (_minute < minute)
        {
            (_minute, _tokens) = (minute, 0);
        }
    }
}

/// <summary>One call on the meters that it entered. It leaves once; its tokens are corrected by each attempt that settles.</summary>
internal sealed class UsageTicket : IDisposable
{
    public static readonly UsageTicket Unlimited = new(TimeProvider.System, 0, false);

    private readonly List<UsageMeter> _entered = [];
    private readonly TimeProvider _clock;
    private long _estimate;
    private int _streams;

    public UsageTicket(TimeProvider clock, long estimate, bool isStream) => (_clock, _estimate, _streams) = (clock, estimate, isStream ? 1 : 0);

    /// <summary>The tightest limit of tokens that the call entered under, with what is left of it.</summary>
    public (int Limit, long Remaining)? TokenLimit { get; private set; }

    public bool TryEnter(UsageMeter meter, int? mostTokens, int? mostStreams, long minute, out string exhausted)
    {
        if (meter.TryEnter(mostTokens, mostStreams, _estimate, _streams > 0, minute) is { } broken)
        {
            exhausted = broken;
            return false;
        }

        exhausted = "";
        _entered.Add(meter);
        if (mostTokens is { } most && Math.Max(most - meter.TokensIn(minute), 0) is var left && (TokenLimit is null || left < TokenLimit.Value.Remaining))
        {
            TokenLimit = (most, left);
        }

        return true;
    }

    /// <summary>An attempt settled: its tokens take the place of the estimate.</summary>
    public void Settle(in TokenCounts tokens)
    {
        if (_entered.Count > 0)
        {
            Correct(tokens.AllInput + tokens.AllOutput - Interlocked.Exchange(ref _estimate, 0), 0);
        }
    }

    /// <summary>The call was refused by a further level: nothing of it counts.</summary>
    public void Leave()
    {
        Correct(-Interlocked.Exchange(ref _estimate, 0), 0);
        Dispose();
    }

    /// <summary>The client's side is over.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _streams, 0) is var streams and > 0)
        {
            Correct(0, -streams);
        }
    }

    private void Correct(long tokens, int streams)
    {
        var minute = _clock.GetUtcNow().ToUnixTimeSeconds() / UsageMeter.WindowSeconds;
        _entered.ForEach(m => m.Correct(tokens, streams, minute));
    }
}
