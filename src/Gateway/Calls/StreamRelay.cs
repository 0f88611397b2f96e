using System.Buffers;
using System.IO.Pipelines;
using Crew.Gateway.Dialects;
using Crew.Gateway.Forwarding;
using Crew.Http;
using Crew.Kernel;
using Crew.Storage;

namespace Crew.Gateway.Calls;

/// <summary>
/// A streamed answer on its way: the use of the credential is on record before the first byte, the settlement before the last. A
/// client that leaves, and a credential that is revoked, end the client's side at once; the provider's side is broken off where that
/// ends its bill, and else read to its end in the background.
/// </summary>
internal sealed class StreamRelay
{
    private readonly Exchange _exchange;
    private readonly PhysicalAttempt _attempt;
    private readonly HttpResponseMessage _answer;
    private readonly EventReader _reader;
    private readonly StreamEnding _ending;
    private readonly SseScanner _scanner;
    private readonly TaskCompletionSource<RelayEnd> _cut = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly AnswerStream _upstream;
    private readonly ClientSide _client;
    private string _left = "client_closed";
    private Metering.TokenCounts _charged;
    private volatile bool _isDrained;
    private HeldBack? _held;

    public StreamRelay(Exchange exchange, PhysicalAttempt attempt, HttpResponseMessage answer)
    {
        (_exchange, _attempt, _answer) = (exchange, attempt, answer);
        _reader = attempt.Route.Format.ReadEvents(attempt.Route.Carried is null ? exchange.Plan.Request : null);
        var translation = exchange.Plan.TranslationOf(attempt.Route, _reader);
        _ending = new StreamEnding(exchange.Plan.Format, _reader, translation, exchange.Call.RequestId);
        _scanner = new SseScanner(_reader, attempt.Target.Provider.Echo, translation);
        _upstream = new AnswerStream(attempt, answer, _scanner);
        _client = new ClientSide(exchange, attempt, _scanner, _ending, _cut.Task, ReachCap);
    }

    public bool IsDrained => _isDrained;

    public Tenant Tenant => _exchange.Call.Tenant;

    private PipeWriter Client => _client.Writer;

    private Committer Committer => _exchange.Parts.Committer;

    private TimeProvider Clock => _exchange.Parts.Clock;

    /// <param name="mayGoOn">Another target can take over as long as no content has gone out.</param>
    /// <returns>Null when the client has its answer; else why the next target has to try.</returns>
    public async Task<Fault?> RunAsync(bool mayGoOn)
    {
        var drains = false;
        using var gone = _exchange.Call.Aborted.UnsafeRegister(static s => ((StreamRelay)s!)._cut.TrySetResult(RelayEnd.ClientGone), this);
        using var revoked = _exchange.Call.Caller.Revoked.UnsafeRegister(static s => ((StreamRelay)s!)._cut.TrySetResult(RelayEnd.Revoked), this);
        using var cutOff = _exchange.Parts.CutOffs.Over.UnsafeRegister(static s => ((StreamRelay)s!)._cut.TrySetResult(RelayEnd.CutOff), this);
        using var stopping = _exchange.Call.Stopping.UnsafeRegister(static s => ((StreamRelay)s!)._cut.TrySetResult(RelayEnd.Stopping), this);
        try
        {
            await _upstream.OpenAsync();
            _held = mayGoOn ? new HeldBack(_upstream, _scanner, Clock) : null;
            var end = _held is null ? null : await _held.RunAsync(_cut.Task);
            if (_held is { HasFailed: true })
            {
                return await PassOnAsync(end == RelayEnd.TimedOut);
            }

            drains = await RelayAsync(end);
            return null;
        }
        finally
        {
            if (!drains)
            {
                End();
            }
        }
    }

    /// <summary>
    /// Reads the answer to its end, gives it to nobody, and settles what the provider says. Once <paramref name="limit"/> is reached it is broken
    /// off, also where the provider says nothing at all.
    /// </summary>
    public async Task DrainAsync(CancellationToken limit)
    {
        using var discarded = new ByteStore();
        using var reached = limit.UnsafeRegister(static relay => ((StreamRelay)relay!).StopDraining(), this);
        var end = RelayEnd.Broken;
        try
        {
            while (true)
            {
                var (count, failed) = await _upstream.ReadAsync();
                if (failed is { } how)
                {
                    end = how;
                    break;
                }

                if (count == 0 || _upstream.Take(count, discarded))
                {
                    end = _upstream.HowItEnded();
                    break;
                }

                discarded.Clear();
            }

            _scanner.Complete();
            await SettleAsync(end, _left);
        }
        finally
        {
            _isDrained = true;
            _exchange.Ticket.Dispose();
            End();
        }
    }

    public void StopDraining()
    {
        try
        {
            _attempt.BreakOff();
        }
        catch (ObjectDisposedException)
        {
            // It has ended by itself.
        }
    }

    /// <returns>Whether the answer is being read on in the background, which then owns it.</returns>
    private async Task<bool> RelayAsync(RelayEnd? end)
    {
        _exchange.Work.Record(200, null);
        CrashPoint.Pass(CrashPoints.StreamRecordBefore);
        var durable = _exchange.Parts.FlushAsync(_exchange.Work);
        if (end is null)
        {
            _upstream.Start();
        }

        if (!await durable)
        {
            await ErrorWriter.WriteAsync(_exchange.Call, Faults.AuditUnavailable);
            return await LeaveAsync("audit_unavailable");
        }

        if (_exchange.Work.IsRevoked)
        {
            await ErrorWriter.WriteAsync(_exchange.Call, GatewayFaults.KeyRevoked);
            return await LeaveAsync("revoked");
        }

        CrashPoint.Pass(CrashPoints.StreamRecordAfter);
        _exchange.Work.Forget();
        WriteHead();
        if (_held is { Bytes.Length: > 0 } held)
        {
            Client.Write(held.Bytes);
            held.Dispose();
            if (await _client.FlushAsync() && end is null)
            {
                end = _cut.Task.IsCompleted ? await _cut.Task : RelayEnd.ClientGone;
            }
        }

        switch (end ?? await PumpAsync())
        {
            case RelayEnd.ClientGone:
                return await LeaveAsync("client_closed");
            case var cut and (RelayEnd.Revoked or RelayEnd.Stopping or RelayEnd.CutOff):
                var fault = cut == RelayEnd.Revoked ? GatewayFaults.KeyRevoked : cut == RelayEnd.Stopping ? HttpFaults.NodeStopping : HttpFaults.NodeCutOff;
                await _client.TellAsync(fault);
                return await LeaveAsync(cut == RelayEnd.Revoked ? "revoked" : fault.Code);
            case RelayEnd.CapReached:
                await CapAsync();
                return false;
            case var ended:
                await FinishAsync(ended);
                return false;
        }
    }

    /// <summary>This attempt is over and settled; the client does not learn of it.</summary>
    private async Task<Fault> PassOnAsync(bool wasLate)
    {
        _attempt.MayHaveWorked = wasLate; // Whoever only says nothing may still be at it.
        _attempt.Blame();
        var fault = wasLate ? GatewayFaults.ProviderTimeout : GatewayFaults.ProviderUnavailable;
        var metered = _attempt.Settlement.OfBreak(_reader.FinalUsage, _reader.TextBytes, _reader.InputSoFar);
        if (_upstream.Pending is not null)
        {
            _attempt.BreakOff();
            await _upstream.StopAsync();
        }

        _attempt.Settle(_exchange.Work, metered, 200, _scanner.SawError ? "upstream_error" : fault.Code);
        return fault;
    }

    private void WriteHead()
    {
        var response = _exchange.Call.Http.Response;
        _exchange.WriteHead(_answer, _attempt.Route, 200);
        response.ContentType = "text/event-stream; charset=utf-8";
        response.Headers.CacheControl = "no-cache";
        response.Headers["X-Accel-Buffering"] = "no";

        // No other target takes over from here on, so nothing is sent anew.
        _exchange.ReleaseBody();
        _exchange.Parts.Heartbeat.Watch(_client);
    }

    /// <summary>Moves bytes until the answer ends, breaks, or is cut on the client's side.</summary>
    private async Task<RelayEnd> PumpAsync()
    {
        var client = Client;
        while (true)
        {
            if (_attempt.Steps is { } steps && _scanner.FinishReason is null && !await steps.MayGoOnAsync(_scanner.MostOutputTokens, _cut.Task))
            {
                ReachCap();
            }

            if (await RestAsync())
            {
                return await _cut.Task;
            }

            var (count, failed) = await _upstream.ReadAsync();
            if (failed is { } how)
            {
                return _attempt.WasBrokenOff && _cut.Task.IsCompleted ? await _cut.Task : how;
            }

            if (count == 0 || _upstream.Take(count, client))
            {
                return _upstream.HowItEnded();
            }

            if (await _client.FlushAsync() || _cut.Task.IsCompleted)
            {
                return _cut.Task.IsCompleted ? await _cut.Task : RelayEnd.ClientGone;
            }

            CrashPoint.Pass(CrashPoints.StreamBytesAfter);
            _upstream.Start();
        }
    }

    /// <summary>Waits for the provider. True when the client's side has ended meanwhile.</summary>
    private async ValueTask<bool> RestAsync()
    {
        if (_upstream.Pending is not { IsCompleted: false } pending)
        {
            return false;
        }

        _client.Rest();
        var isCut = await Task.WhenAny(pending, _cut.Task) != pending;
        if (await _client.WakeAsync() && !isCut)
        {
            _cut.TrySetResult(RelayEnd.ClientGone);
            return true;
        }

        return isCut;
    }

    /// <summary>No more output is paid for: the provider is told to stop at once, and the client gets an end as at its output cap.</summary>
    private void ReachCap()
    {
        _attempt.BreakOff();
        _cut.TrySetResult(RelayEnd.CapReached);
    }

    /// <summary>The end as the client sees it: settled first, then the frames that were held back.</summary>
    private async Task FinishAsync(RelayEnd end)
    {
        _scanner.Complete();
        if (!await SettleAsync(end, null))
        {
            await _client.TellAsync(Faults.AuditUnavailable);
            return;
        }

        if (_scanner.SawCredential || _scanner.SawLongError)
        {
            await _client.TellAsync(_scanner.SawCredential ? GatewayFaults.CredentialsRejected : GatewayFaults.ProviderUnavailable);
            return;
        }

        _scanner.ReleaseTail(Client, withIncomplete: end == RelayEnd.Complete);
        if (end is RelayEnd.Broken or RelayEnd.TimedOut)
        {
            await _client.TellAsync(end == RelayEnd.TimedOut ? GatewayFaults.ProviderTimeout : GatewayFaults.ProviderUnavailable);
            return;
        }

        CrashPoint.Pass(CrashPoints.StreamEndBefore);
        await Client.FlushAsync();
        CrashPoint.Pass(CrashPoints.StreamEndAfter);
    }

    /// <summary>The answer was cut at what is paid for: settled first, then ended as a provider ends one at its output cap.</summary>
    private async Task CapAsync()
    {
        _attempt.BreakOff();
        await _upstream.StopAsync();
        if (!await SettleAsync(RelayEnd.CapReached, null))
        {
            await _client.TellAsync(Faults.AuditUnavailable);
            return;
        }

        _ending.ReachCap(Client, _charged, _scanner.IsInsideFrame);
        await Client.FlushAsync();
    }

    /// <summary>The client's side is over. The provider's side is broken off where that ends its bill, and read to its end elsewhere.</summary>
    private async Task<bool> LeaveAsync(string outcome)
    {
        _left = outcome;
        if (_attempt.CancelEndsBill)
        {
            _attempt.BreakOff();
            await _upstream.StopAsync();
            await SettleAsync(RelayEnd.ClientGone, outcome);
            return false;
        }

        _exchange.Ticket.Hold();
        if (_exchange.Parts.Drains.TryTake(this))
        {
            return true;
        }

        _exchange.Ticket.Dispose();

        _attempt.BreakOff();
        await _upstream.StopAsync();
        await SettleAsync(RelayEnd.Broken, outcome);
        return false;
    }

    private async Task<bool> SettleAsync(RelayEnd end, string? outcome)
    {
        var isWhole = end == RelayEnd.Complete && !_scanner.SawError;
        if (isWhole || end is RelayEnd.ClientGone or RelayEnd.Revoked or RelayEnd.CapReached)
        {
            _attempt.Praise();
        }
        else
        {
            _attempt.Blame();
        }

        var settlement = _attempt.Settlement;
        var isFinal = isWhole || !settlement.IsStrict || _reader.FinishReason is not null;
        var (usage, input) = (isFinal ? _reader.Usage : null, _reader.InputSoFar ?? _reader.Usage?.WithoutOutput());
        var metered = isWhole ? settlement.OfAnswer(usage, _reader.TextBytes)
            : end is RelayEnd.ClientGone or RelayEnd.CapReached ? settlement.OfCut(usage, settlement.IsStrict ? _scanner.MostOutputTokens : _reader.TextBytes, input)
            : settlement.OfBreak(usage, _reader.TextBytes, input);
        _charged = metered.Tokens;
        var work = new AppendWork();
        _attempt.Settle(work, metered, 200, outcome ?? (isWhole || end == RelayEnd.CapReached ? "success" : end == RelayEnd.TimedOut ? "provider_timeout" : "upstream_error"));
        CrashPoint.Pass(CrashPoints.StreamSettleBefore);
        if (await Committer.AppendAsync(work))
        {
            CrashPoint.Pass(CrashPoints.StreamSettleAfter);
            return true;
        }

        _exchange.Parts.Owed.Keep(work);
        return false;
    }

    private void End()
    {
        _exchange.Parts.Heartbeat.Leave(_client);
        _scanner.Dispose();
        _held?.Dispose();
        _answer.Dispose();
        _attempt.Dispose();
        _upstream.Dispose();
    }
}
