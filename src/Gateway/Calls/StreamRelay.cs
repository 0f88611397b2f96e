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
    private const int ReadBytes = 16_384;
    private const int CutFlushMilliseconds = 500;

    private readonly Exchange _exchange;
    private readonly PhysicalAttempt _attempt;
    private readonly HttpResponseMessage _answer;
    private readonly EventReader _reader;
    private readonly SseScanner _scanner;
    private readonly TaskCompletionSource<RelayEnd> _cut = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly byte[] _buffer = ArrayPool<byte>.Shared.Rent(ReadBytes);
    private Stream _stream = Stream.Null;
    private Task<int>? _reading;
    private string _left = "client_closed";
    private Metering.TokenCounts _charged;
    private volatile bool _isDrained;

    public StreamRelay(Exchange exchange, PhysicalAttempt attempt, HttpResponseMessage answer)
    {
        (_exchange, _attempt, _answer) = (exchange, attempt, answer);
        _reader = exchange.Plan.Format.ReadEvents(exchange.Plan.Request);
        _scanner = new SseScanner(_reader, attempt.Target.Provider.Echo);
    }

    public bool IsDrained => _isDrained;

    private PipeWriter Client => _exchange.Call.Http.Response.BodyWriter;

    private Committer Committer => _exchange.Parts.Committer;

    private TimeProvider Clock => _exchange.Parts.Clock;

    public async Task RunAsync()
    {
        var drains = false;
        using var gone = _exchange.Call.Aborted.UnsafeRegister(static s => ((StreamRelay)s!)._cut.TrySetResult(RelayEnd.ClientGone), this);
        using var revoked = _exchange.Call.Caller.Revoked.UnsafeRegister(static s => ((StreamRelay)s!)._cut.TrySetResult(RelayEnd.Revoked), this);
        using var stopping = _exchange.Call.Stopping.UnsafeRegister(static s => ((StreamRelay)s!)._cut.TrySetResult(RelayEnd.Stopping), this);
        try
        {
            drains = await RelayAsync();
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
    /// Reads the answer to its end, gives it to nobody, and settles what the provider says. After <paramref name="most"/> it is broken
    /// off, also where the provider says nothing at all.
    /// </summary>
    public async Task DrainAsync(TimeSpan most)
    {
        using var discarded = new ByteStore();
        using var limit = new CancellationTokenSource(most, Clock);
        using var reached = limit.Token.UnsafeRegister(static relay => ((StreamRelay)relay!).StopDraining(), this);
        var end = RelayEnd.Broken;
        try
        {
            while (true)
            {
                var (count, failed) = await ReadAsync();
                if (failed is { } how)
                {
                    end = how;
                    break;
                }

                if (count == 0 || Take(count, discarded))
                {
                    end = HowItEnded();
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
            End();
        }
    }

    /// <summary>
    /// Ends the answer at the next event, as if its output cap had been reached there: the provider is told to stop, what was delivered is
    /// settled, and the client gets a well-formed end. For whoever pays for output in steps and has no more to give. Any thread may call
    /// it; one call too many does nothing.
    /// </summary>
    public void ReachCap() => _cut.TrySetResult(RelayEnd.CapReached);

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
    private async Task<bool> RelayAsync()
    {
        _exchange.Work.Record(200, null);
        CrashPoint.Pass(CrashPoints.StreamRecordBefore);
        var durable = Committer.AppendAsync(_exchange.Work);
        _stream = await _answer.Content.ReadAsStreamAsync(CancellationToken.None);
        _reading = StartRead();
        if (!await durable)
        {
            _exchange.Parts.Owed.Keep(_exchange.Work);
            await ErrorWriter.WriteAsync(_exchange.Call, Faults.AuditUnavailable);
            return await LeaveAsync("audit_unavailable");
        }

        if (_exchange.Work.IsRevoked)
        {
            await ErrorWriter.WriteAsync(_exchange.Call, GatewayFaults.KeyRevoked);
            return await LeaveAsync("revoked");
        }

        CrashPoint.Pass(CrashPoints.StreamRecordAfter);
        WriteHead();
        var end = await PumpAsync();
        switch (end)
        {
            case RelayEnd.ClientGone:
                return await LeaveAsync("client_closed");
            case RelayEnd.Revoked:
                await TellAsync(GatewayFaults.KeyRevoked, CutFlushMilliseconds);
                return await LeaveAsync("revoked");
            case RelayEnd.Stopping:
                await TellAsync(HttpFaults.NodeStopping, CutFlushMilliseconds);
                return await LeaveAsync("node_stopping");
            case RelayEnd.CapReached:
                await CapAsync();
                return false;
            default:
                await FinishAsync(end);
                return false;
        }
    }

    private void WriteHead()
    {
        var response = _exchange.Call.Http.Response;
        _exchange.WriteHead(_answer, 200);
        response.ContentType = "text/event-stream; charset=utf-8";
        response.Headers.CacheControl = "no-cache";
        response.Headers["X-Accel-Buffering"] = "no";
    }

    /// <summary>Moves bytes until the answer ends, breaks, or is cut on the client's side.</summary>
    private async Task<RelayEnd> PumpAsync()
    {
        var client = Client;
        while (true)
        {
            if (_reading is { IsCompleted: false } && await Task.WhenAny(_reading, _cut.Task) != _reading)
            {
                return await _cut.Task;
            }

            var (count, failed) = await ReadAsync();
            if (failed is { } how)
            {
                return how;
            }

            if (count == 0 || Take(count, client))
            {
                return HowItEnded();
            }

            if (await FlushAsync(client) || _cut.Task.IsCompleted)
            {
                return _cut.Task.IsCompleted ? await _cut.Task : RelayEnd.ClientGone;
            }

            CrashPoint.Pass(CrashPoints.StreamBytesAfter);
            _reading = StartRead();
        }
    }

    /// <summary>Hands the bytes to the client's connection, at the client's pace. True when there is no client any more.</summary>
    private async ValueTask<bool> FlushAsync(PipeWriter client)
    {
        var flush = client.FlushAsync();
        if (flush.IsCompletedSuccessfully)
        {
            return flush.Result is { IsCompleted: true } or { IsCanceled: true };
        }

        // A client that is slow must not make the provider look silent.
        _attempt.PauseIdle();
        var pending = flush.AsTask();
        if (await Task.WhenAny(pending, _cut.Task) != pending && await _cut.Task != RelayEnd.CapReached)
        {
            // It has not taken the last bytes, so it will not take a farewell either.
            _exchange.Call.Http.Abort();
            return true;
        }

        return (await pending) is { IsCompleted: true } or { IsCanceled: true };
    }

    /// <summary>The read that is under way, or the next one.</summary>
    private async ValueTask<(int Count, RelayEnd? Failed)> ReadAsync()
    {
        try
        {
            var count = await (_reading ?? StartRead());
            _reading = null;
            _attempt.NoteBytes();
            return (count, null);
        }
        catch (OperationCanceledException)
        {
            return (0, _attempt.WasBrokenOff ? RelayEnd.Broken : RelayEnd.TimedOut);
        }
        catch (Exception broken) when (broken is HttpRequestException or IOException)
        {
            return (0, RelayEnd.Broken);
        }
    }

    private Task<int> StartRead()
    {
        _attempt.ArmIdle();
        return _stream.ReadAsync(_buffer.AsMemory(0, ReadBytes), _attempt.Limits).AsTask();
    }

    /// <summary>Whether the answer has ended with these bytes.</summary>
    private bool Take(int count, IBufferWriter<byte> output)
    {
        _scanner.Push(_buffer.AsSpan(0, count), output);
        return _scanner.IsDone || _scanner.SawLongError;
    }

    /// <summary>Some providers leave the closing mark out; where no choice has finished either, the answer was broken off.</summary>
    private RelayEnd HowItEnded()
    {
        _scanner.Complete();
        return _scanner.IsDone || _scanner.SawError || _scanner.FinishReason is not null ? RelayEnd.Complete : RelayEnd.Broken;
    }

    /// <summary>The end as the client sees it: settled first, then the frames that were held back.</summary>
    private async Task FinishAsync(RelayEnd end)
    {
        _scanner.Complete();
        if (!await SettleAsync(end, null))
        {
            await TellAsync(Faults.AuditUnavailable, CutFlushMilliseconds);
            return;
        }

        if (_scanner.SawCredential || _scanner.SawLongError)
        {
            await TellAsync(_scanner.SawCredential ? GatewayFaults.CredentialsRejected : GatewayFaults.ProviderUnavailable, CutFlushMilliseconds);
            return;
        }

        _scanner.ReleaseTail(Client);
        if (end is RelayEnd.Broken or RelayEnd.TimedOut)
        {
            await TellAsync(end == RelayEnd.TimedOut ? GatewayFaults.ProviderTimeout : GatewayFaults.ProviderUnavailable, CutFlushMilliseconds);
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
        await AwaitReadAsync();
        if (!await SettleAsync(RelayEnd.CapReached, null))
        {
            await TellAsync(Faults.AuditUnavailable, CutFlushMilliseconds);
            return;
        }

        _reader.WriteCapReached(Client, _charged);
        await Client.FlushAsync();
    }

    /// <summary>The client's side is over. The provider's side is broken off where that ends its bill, and read to its end elsewhere.</summary>
    private async Task<bool> LeaveAsync(string outcome)
    {
        _left = outcome;
        if (_attempt.Target.Provider.CancelStopsBilling)
        {
            _attempt.BreakOff();
            await AwaitReadAsync();
            await SettleAsync(RelayEnd.ClientGone, outcome);
            return false;
        }

        if (_exchange.Parts.Drains.TryTake(this))
        {
            return true;
        }

        _attempt.BreakOff();
        await AwaitReadAsync();
        await SettleAsync(RelayEnd.Broken, outcome);
        return false;
    }

    /// <summary>A read that was broken off must have ended before its buffer goes back.</summary>
    private async Task AwaitReadAsync()
    {
        if (_reading is not null)
        {
            await ReadAsync();
        }
    }

    private async Task<bool> SettleAsync(RelayEnd end, string? outcome)
    {
        var isWhole = end == RelayEnd.Complete && !_scanner.SawError;
        var settlement = _attempt.Settlement;
        var stopped = end == RelayEnd.ClientGone || (end == RelayEnd.CapReached && _attempt.Target.Provider.CancelStopsBilling);
        var metered = isWhole ? settlement.OfAnswer(_reader.Usage, _reader.TextBytes)
            : stopped ? settlement.OfCut(_reader.Usage, _reader.TextBytes, _reader.InputSoFar)
            : settlement.OfBreak(_reader.Usage, _reader.TextBytes, _reader.InputSoFar);
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

    /// <summary>An error as the last event of a stream whose status line has gone out. A client that no longer reads does not hold this up.</summary>
    private async Task TellAsync(Fault fault, int milliseconds)
    {
        _exchange.Plan.Format.WriteErrorEvent(Client, fault, _exchange.Call.RequestId, _reader);
        var flush = Client.FlushAsync().AsTask();
        await Task.WhenAny(flush, Task.Delay(TimeSpan.FromMilliseconds(milliseconds), Clock, CancellationToken.None));
        if (!flush.IsCompleted)
        {
            _exchange.Call.Http.Abort();
        }
    }

    private void End()
    {
        _scanner.Dispose();
        _answer.Dispose();
        _attempt.Dispose();
        if (_reading is null or { IsCompleted: true })
        {
            ArrayPool<byte>.Shared.Return(_buffer, clearArray: true);
        }
    }
}
