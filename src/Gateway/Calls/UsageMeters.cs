using Crew.Http;
using Crew.Kernel;

namespace Crew.Gateway.Calls;

/// <summary>What a meter says to a call that wants to enter.</summary>
/// <param name="Exhausted">The limit that it would break; null where it has entered.</param>
/// <param name="TokensLeft">What is left of the limit of tokens.</param>
/// <param name="RetryAfterSeconds">When trying again makes sense.</param>
/// <param name="Fault">Nobody can count.</param>
internal readonly record struct MeterAnswer(string? Exhausted, long? TokensLeft, int RetryAfterSeconds = 0, Fault? Fault = null);

/// <summary>The count of one workspace, crew or key: in this process alone, or over all nodes.</summary>
internal interface IUsageMeter
{
    ValueTask<MeterAnswer> EnterAsync(int? mostTokens, int? mostStreams, long tokens, bool isStream);

    /// <summary>Adds what became known later; in the minute in which it did.</summary>
    void Correct(long tokens, int streams);
}

/// <summary>For a server alone.</summary>
internal sealed class UsageMeter(TimeProvider clock) : IUsageMeter
{
    public const int WindowSeconds = 60;
    public const string Tokens = "tokens_per_minute";
    public const string Streams = "concurrent_streams";

    /// <summary>A stream may end at any moment.</summary>
    public const int StreamRetrySeconds = 1;

    private readonly Lock _gate = new();
    private long _minute;
    private long _tokens;
    private int _streams;

    public ValueTask<MeterAnswer> EnterAsync(int? mostTokens, int? mostStreams, long tokens, bool isStream)
    {
        var seconds = clock.GetUtcNow().ToUnixTimeSeconds();
        lock (_gate)
        {
            Turn(seconds / WindowSeconds);
            if (_tokens >= mostTokens)
            {
                return ValueTask.FromResult(new MeterAnswer(Tokens, 0, (int)(WindowSeconds - (seconds % WindowSeconds))));
            }

            if (isStream && _streams >= mostStreams)
            {
                return ValueTask.FromResult(new MeterAnswer(Streams, null, StreamRetrySeconds));
            }

            _tokens += tokens;
            _streams += isStream ? 1 : 0;
            return ValueTask.FromResult(new MeterAnswer(null, mostTokens is { } most ? Math.Max(most - _tokens, 0) : null));
        }
    }

    public void Correct(long tokens, int streams)
    {
        var minute = clock.GetUtcNow().ToUnixTimeSeconds() / WindowSeconds;
        lock (_gate)
        {
            Turn(minute);
            _tokens = Math.Max(_tokens + tokens, 0);
            _streams += streams;
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

/// <summary>For a node among others.</summary>
internal sealed class SharedMeter(SharedLimits shared, string subject) : IUsageMeter
{
    private bool _countsTokens;
    private bool _countsStreams;

    public async ValueTask<MeterAnswer> EnterAsync(int? mostTokens, int? mostStreams, long tokens, bool isStream)
    {
        var left = default(long?);
        if (mostTokens is { } limit)
        {
            var taken = await shared.TakeTokensAsync(subject, limit, tokens);
            if (taken.Failed(out var uncounted))
            {
                return new MeterAnswer(null, null, Fault: uncounted);
            }

            if (!taken.Value.Allowed)
            {
                return new MeterAnswer(UsageMeter.Tokens, 0, taken.Value.RetryAfterSeconds);
            }

            (_countsTokens, left) = (true, taken.Value.Remaining);
        }

        if (isStream && mostStreams is { } most)
        {
            var entered = await shared.EnterStreamAsync(subject, most);
            _countsStreams = entered is { Fault: null, Value: true };
            if (!_countsStreams)
            {
                Correct(-tokens, 0);
                return entered.Fault is { } fault ? new MeterAnswer(null, null, Fault: fault) : new MeterAnswer(UsageMeter.Streams, null, UsageMeter.StreamRetrySeconds);
            }
        }

        return new MeterAnswer(null, left);
    }

    public void Correct(long tokens, int streams)
    {
        if (_countsTokens && tokens != 0)
        {
            shared.CorrectTokens(subject, tokens);
        }

        if (_countsStreams && streams < 0)
        {
            shared.LeaveStream(subject);
        }
    }
}
