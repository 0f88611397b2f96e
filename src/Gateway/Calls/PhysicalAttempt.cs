using System.Diagnostics;
using Crew.Gateway.Catalogue;
using Crew.Gateway.Metering;
using Crew.Gateway.Providers;
using Crew.Kernel;
using Crew.Spend.Contracts;
using Crew.Storage;

namespace Crew.Gateway.Calls;

/// <summary>One call of a provider, with the money that was set aside for it. It settles exactly once; what is dropped open counts as spent.</summary>
internal sealed class PhysicalAttempt : IDisposable
{
    private readonly CallFacts _facts;
    private readonly Hold _hold;
    private readonly Settlement _settlement;
    private readonly TimeProvider _clock;
    private readonly CancellationTokenSource _limits;
    private readonly long _started;
    private readonly Activity? _span = Traces.Attempt();
    private bool _isJudged;
    private bool _isOver;

    public PhysicalAttempt(CallFacts facts, Target target, Hold hold, Settlement settlement, int number, TimeProvider clock)
    {
        (_facts, Target, _hold, _settlement, Number, _clock) = (facts, target, hold, settlement, number, clock);
        (At, _started) = (clock.GetUtcNow(), clock.GetTimestamp());
        target.Health.Begin(At);
        var timeouts = target.Provider.Timeouts;
        _limits = new CancellationTokenSource(TimeSpan.FromSeconds(Math.Min(timeouts.FirstByteSeconds, timeouts.TotalSeconds)), clock);
    }

    public Target Target { get; }

    /// <summary>How the target is spoken to.</summary>
    public required Route Route { get; init; }

    public Settlement Settlement => Steps is null ? _settlement
        : _settlement with { Held = _hold.Amount, Worst = _settlement.Worst with { OutputCap = (int)Steps.CoveredTokens } };

    /// <summary>
    /// Whether breaking off ends the bill at an amount that is known here. Under a strict budget the provider's word that it stops is not enough:
    /// how far it had come counts, too.
    /// </summary>
    public bool CancelEndsBill => Target.Provider.CancelStopsBilling && (!_hold.IsStrict || Target.Provider.CancelMarginTokens is not null);

    /// <summary>Where the output is paid for in steps.</summary>
    public OutputSteps? Steps { get; init; }

    /// <summary>1 for the first of a request.</summary>
    public int Number { get; }

    public DateTimeOffset At { get; }

    public int? FirstByteMilliseconds { get; private set; }

    public int ElapsedMilliseconds => (int)Math.Min(_clock.GetElapsedTime(_started).TotalMilliseconds, int.MaxValue);

    public bool IsSettled { get; private set; }

    /// <summary>Trips when the provider takes longer than it may, or when the call is broken off.</summary>
    public CancellationToken Limits => _limits.Token;

    public bool WasBrokenOff { get; private set; }

    /// <summary>
    /// The request went out, and no answer or only a part of one came back. The provider may have done the work and bill it, so nobody else is
    /// asked for it again.
    /// </summary>
    public bool MayHaveWorked { get; set; }

    /// <summary>The provider refused what was added on our account, before any work: it is asked again without that.</summary>
    public bool IsToRepeat { get; set; }

    private ProviderTimeouts Timeouts => Target.Provider.Timeouts;

    /// <summary>Something arrived.</summary>
    public void NoteBytes()
    {
        FirstByteMilliseconds ??= ElapsedMilliseconds;
        ArmIdle();
    }

    /// <summary>The time until the next bytes begins anew, within what is left of the whole.</summary>
    public void ArmIdle() => Arm(TimeSpan.FromSeconds(Timeouts.IdleSeconds));

    /// <summary>Nothing is being waited for from the provider; only the whole counts.</summary>
    public void PauseIdle() => Arm(TimeSpan.FromSeconds(Timeouts.TotalSeconds));

    /// <summary>Ends the call at the provider.</summary>
    public void BreakOff()
    {
        WasBrokenOff = true;
        _limits.Cancel();
    }

    /// <summary>The target did what it is there for, whatever it said. Only the first judgement counts.</summary>
    public void Praise()
    {
        if (!_isJudged)
        {
            _isJudged = true;
            Target.Health.Succeed(_clock.GetUtcNow(), FirstByteMilliseconds ?? ElapsedMilliseconds);
        }
    }

    /// <summary>The target failed. A call that was broken off on the client's account says nothing of it.</summary>
    public void Blame(TimeSpan? retryAfter = null)
    {
        if (!_isJudged && !WasBrokenOff)
        {
            _isJudged = true;
            Target.Health.Fail(_clock.GetUtcNow(), retryAfter);
        }
    }

    /// <summary>Corrects the budgets at once and adds the row to the flush.</summary>
    public void Settle(AppendWork work, in Metered metered, int status, string outcome)
    {
        if (IsSettled)
        {
            return;
        }

        IsSettled = true;
        _facts.Ticket.Settle(metered.Tokens);
        CrashPoint.Pass(CrashPoints.SettleBefore);
        if (_hold.Settle(_facts.Row(this, metered, status, outcome), work).Value > 0 && _hold.IsStrict)
        {
            Target.Health.Cap.Break();
        }

        CrashPoint.Pass(CrashPoints.SettleAfter);
        Describe(metered.Tokens, status, outcome);
    }

    /// <summary>Names and counts of the ledger's row; the span ends with the attempt.</summary>
    private void Describe(in TokenCounts tokens, int status, string outcome)
    {
        if (_span is null)
        {
            return;
        }

        _span.SetTag("gen_ai.request.model", _facts.ModelId);
        _span.SetTag("gen_ai.usage.input_tokens", tokens.AllInput);
        _span.SetTag("gen_ai.usage.output_tokens", tokens.AllOutput);
        _span.SetTag("http.response.status_code", status);
        _span.SetTag("crew.provider.id", Target.Provider.Id);
        _span.SetTag("crew.attempt", Number);
        _span.SetTag("crew.outcome", outcome);
        _span.SetTag("crew.first_byte_ms", FirstByteMilliseconds);
        if (status >= 500)
        {
            _span.SetStatus(ActivityStatusCode.Error);
        }
    }

    private void Arm(TimeSpan idle)
    {
        var left = TimeSpan.FromSeconds(Timeouts.TotalSeconds) - _clock.GetElapsedTime(_started);
        _limits.CancelAfter(left > idle ? idle : left > TimeSpan.Zero ? left : TimeSpan.Zero);
    }

    public void Dispose()
    {
        if (!_isOver)
        {
            _isOver = true;
            Target.Health.End(_isJudged);
        }

        _span?.Dispose();
        _hold.Dispose();
        _limits.Dispose();
    }
}
