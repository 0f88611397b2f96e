using System.Collections.Concurrent;
using Crew.Gateway.Metering;
using Crew.Http;
using Crew.Kernel;

namespace Crew.Gateway.Calls;

/// <summary>
/// Tokens a minute and streams at one moment, per workspace, crew and key: one count over all nodes. A call enters with what its body has at
/// the least, and is corrected when it settles: a minute may go over by what is under way in it, and the next calls wait for its end.
/// </summary>
internal sealed class UsageLimits(SharedLimits shared, TimeProvider clock)
{
    private const int MostMeters = 200_000;

    private readonly ConcurrentDictionary<string, UsageMeter> _meters = new(StringComparer.Ordinal);
    private long _sweptMinute;

    /// <summary>Admits a call to all levels or to none.</summary>
    /// <param name="call">Whose limits count.</param>
    /// <param name="tokens">What it uses at the least.</param>
    /// <param name="isStream">Only streams count against the limit of streams.</param>
    public ValueTask<Outcome<UsageTicket>> EnterAsync(Call call, long tokens, bool isStream)
    {
        var (crew, caller, workspace) = (call.CrewPolicy, call.Caller, call.Workspace);
        Limit[] levels =
        [
            new("key", caller.LineageId, caller.TokensPerMinute, caller.ConcurrentStreams),
            new("crew", call.CrewId ?? "", crew.TokensPerMinute, crew.ConcurrentStreams),
            new("workspace", workspace.Id, workspace.TokensPerMinute, workspace.ConcurrentStreams),
        ];
        return Array.TrueForAll(levels, static l => l.IsNone)
            ? ValueTask.FromResult<Outcome<UsageTicket>>(UsageTicket.Unlimited)
            : EnterAsync(levels, tokens, isStream);
    }

    private async ValueTask<Outcome<UsageTicket>> EnterAsync(Limit[] levels, long tokens, bool isStream)
    {
        var ticket = new UsageTicket(tokens, isStream);
        foreach (var level in levels)
        {
            if (level.IsNone)
            {
                continue;
            }

            var answer = await ticket.EnterAsync(MeterOf(level.Subject), level.Tokens, level.Streams);
            if (answer.Fault is not null || answer.Exhausted is not null)
            {
                ticket.Leave();
                return answer.Fault ?? GatewayFaults.LimitReached(answer.Exhausted!, level.Scope, answer.RetryAfterSeconds);
            }
        }

        return ticket;
    }

    private IUsageMeter MeterOf(string subject)
    {
        if (shared.IsShared)
        {
            return new SharedMeter(shared, subject);
        }

        Sweep(clock.GetUtcNow().ToUnixTimeSeconds() / UsageMeter.WindowSeconds);
        return _meters.GetOrAdd(subject, static (_, time) => new UsageMeter(time), clock);
    }

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

    private readonly record struct Limit(string Scope, string Subject, int? Tokens, int? Streams)
    {
        public bool IsNone => Tokens is null && Streams is null;
    }
}

/// <summary>One call on the meters that it entered. It leaves once; its tokens are corrected by each attempt that settles.</summary>
internal sealed class UsageTicket(long estimate, bool isStream) : IDisposable
{
    public static readonly UsageTicket Unlimited = new(0, false);

    private readonly List<IUsageMeter> _entered = [];
    private long _estimate = estimate;
    private int _streams = isStream ? 1 : 0;

    /// <summary>The call itself, and its answer where that is read on after the client has left.</summary>
    private int _holders = 1;

    /// <summary>The tightest limit of tokens that the call entered under, with what is left of it.</summary>
    public (int Limit, long Remaining)? TokenLimit { get; private set; }

    public async ValueTask<MeterAnswer> EnterAsync(IUsageMeter meter, int? mostTokens, int? mostStreams)
    {
        var answer = await meter.EnterAsync(mostTokens, mostStreams, _estimate, _streams > 0);
        if (answer is { Exhausted: null, Fault: null })
        {
            _entered.Add(meter);
            if (mostTokens is { } most && answer.TokensLeft is { } left && (TokenLimit is null || left < TokenLimit.Value.Remaining))
            {
                TokenLimit = (most, left);
            }
        }

        return answer;
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

    /// <summary>The answer is read on although the client has left: the stream counts until its provider has ended it, too.</summary>
    public void Hold() => Interlocked.Increment(ref _holders);

    /// <summary>Whoever held it is done. The stream has ended with the last one.</summary>
    public void Dispose()
    {
        if (Interlocked.Decrement(ref _holders) == 0 && Interlocked.Exchange(ref _streams, 0) is var streams and > 0)
        {
            Correct(0, -streams);
        }
    }

    private void Correct(long tokens, int streams)
    {
        if (tokens != 0 || streams != 0)
        {
            _entered.ForEach(m => m.Correct(tokens, streams));
        }
    }
}
