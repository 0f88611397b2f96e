using Crew.Gateway.Providers;
using Crew.Spend.Contracts;

namespace Crew.Gateway.Calls;

/// <summary>
/// Pays for the output of one stream in steps, so that a long answer does not set its whole output cap aside from the start. Sound only as
/// far as the provider's <see cref="ProviderLink.CancelMarginTokens"/> holds: at every look, what was seen and that margin are paid for, or
/// the provider is told to stop.
/// <code>
/// seen ──── margin ──── ahead │ covered            at each look:  seen + margin + half a step > covered: a bigger hold is asked for, beside the reading
///                             │                                   seen + margin > covered:               it is waited for; without it the answer ends
/// </code>
/// </summary>
internal sealed class OutputSteps
{
    private const int LeastStepTokens = 2_048;
    private const int LastStepTokens = 64;

    /// <summary>How long nothing may be read while a step is waited for; the provider goes on meanwhile, and the margin pays for that.</summary>
    private const int WaitMilliseconds = 1_000;

    /// <summary>How long a client may keep the answer from being read, before the whole of it has to be paid for.</summary>
    private const int UnseenMilliseconds = 250;

    private readonly Ledger _ledger;
    private readonly Hold _hold;
    private readonly HoldRequest _whole;
    private readonly int _margin;
    private readonly TimeProvider _clock;
    private long _step;
    private long _covered;
    private (long Tokens, Task<bool> Answer)? _asked;

    public OutputSteps(Ledger ledger, Hold hold, HoldRequest whole, int margin, TimeProvider clock)
    {
        (_ledger, _hold, _whole, _margin, _clock) = (ledger, hold, whole, margin, clock);
        (_step, _covered) = (StepFor(margin), hold.GrantedOutputTokens);
    }

    /// <summary>Output that is paid for.</summary>
    public long CoveredTokens => _covered;

    private bool IsWhole => _covered >= _whole.OutputTokens;

    /// <summary>What is held first.</summary>
    public static HoldRequest First(HoldRequest whole, int margin) => whole.ForOutput(StepFor(margin) + margin);

    /// <summary>To be called after each read.</summary>
    /// <param name="seen">Output so far, in tokens at the most.</param>
    /// <param name="cut">Ends when something else ends the answer, which then need not be paid for any further.</param>
    /// <returns>False when no more is paid for: the provider has to be told to stop.</returns>
    public ValueTask<bool> MayGoOnAsync(long seen, Task cut) =>
        IsWhole || seen + _margin + (_step / 2) <= _covered ? ValueTask.FromResult(true) : UnlessCutAsync(GrowAsync(seen + _margin), cut);

    /// <summary>
    /// To be called when a client does not take what was read: nothing more is read then, and what the provider does is not seen. If that
    /// lasts, the whole output cap has to be paid for.
    /// </summary>
    /// <returns>False when it is not: the provider has to be told to stop.</returns>
    public async ValueTask<bool> MayWaitAsync(Task flush, Task cut)
    {
        await Task.WhenAny(flush, cut, Task.Delay(TimeSpan.FromMilliseconds(UnseenMilliseconds), _clock));
        if (flush.IsCompleted || cut.IsCompleted || IsWhole)
        {
            return true;
        }

        if (_asked is not null)
        {
            await TakeAsync(TimeSpan.FromMilliseconds(WaitMilliseconds));
        }

        Ask(_whole.OutputTokens);
        return await UnlessCutAsync(GrownAsync(), cut);

        async Task<bool> GrownAsync() => await TakeAsync(TimeSpan.FromMilliseconds(WaitMilliseconds)) == true;
    }

    private static async ValueTask<bool> UnlessCutAsync(Task<bool> grows, Task cut) => await Task.WhenAny(grows, cut) == cut || await grows;

    private static long StepFor(int margin) => Math.Max(LeastStepTokens, 2L * margin);

    private async Task<bool> GrowAsync(long needed)
    {
        var started = _clock.GetTimestamp();
        while (true)
        {
            if (_asked is null)
            {
                Ask(Math.Min(_whole.OutputTokens, needed + _step));
            }
            else if (needed <= _covered && !_asked.Value.Answer.IsCompleted)
            {
                return true;
            }

            var left = TimeSpan.FromMilliseconds(WaitMilliseconds) - _clock.GetElapsedTime(started);
            if (needed > _covered || _asked!.Value.Answer.IsCompleted)
            {
                if (await TakeAsync(left) is not { } isGranted || (!isGranted && _step <= LastStepTokens))
                {
                    return needed <= _covered;
                }

                // A smaller step may still fit; as long as what was seen is paid for, it is asked for a little later.
                _step = isGranted ? _step : Math.Max(LastStepTokens, _step / 2);
            }

            if (IsWhole || needed <= _covered)
            {
                return true;
            }
        }
    }

    private void Ask(long tokens) => _asked = (tokens, _ledger.ExtendAsync(_hold, _whole.ForOutput(tokens), CancellationToken.None).AsTask());

    /// <summary>Takes the answer in. Null when it does not come in time: then it stays asked for.</summary>
    private async Task<bool?> TakeAsync(TimeSpan most)
    {
        var (tokens, answer) = _asked!.Value;
        if (!answer.IsCompleted)
        {
            using var late = new CancellationTokenSource();
            var first = await Task.WhenAny(answer, Task.Delay(most > TimeSpan.Zero ? most : TimeSpan.Zero, _clock, late.Token));
            await late.CancelAsync();
            if (first != answer)
            {
                return null;
            }
        }

        (_asked, var isGranted) = (null, await answer);
        _covered = isGranted ? Math.Max(_covered, tokens) : _covered;
        return isGranted;
    }
}
