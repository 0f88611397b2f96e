using System.Buffers;
using System.IO.Pipelines;
using Crew.Gateway.Forwarding;
using Crew.Kernel;

namespace Crew.Gateway.Calls;

/// <summary>
/// The client's side of a streamed answer: hands bytes on at the client's pace, and signs of life while the provider says nothing. Those come
/// from the heartbeat's thread, and only while the relay rests, which is between two whole events; a look at the gate parts the two.
/// </summary>
/// <param name="cut">Ends when the client's side does.</param>
/// <param name="reachCap">Tells the provider to stop, where what the client keeps from being read is not paid for.</param>
internal sealed class ClientSide(Exchange exchange, PhysicalAttempt attempt, SseScanner scanner, StreamEnding ending, Task<RelayEnd> cut, Action reachCap)
{
    private const int TellMilliseconds = 500;

    private readonly Lock _gate = new();
    private long _saidAt = exchange.Parts.Clock.GetTimestamp();
    private bool _isResting;
    private Task<FlushResult>? _ping;

    public PipeWriter Writer => exchange.Call.Http.Response.BodyWriter;

    /// <summary>When the client last got something, as a timestamp of the clock.</summary>
    public long SaidAt => Volatile.Read(ref _saidAt);

    /// <summary>Hands what was written to the client's connection. True when there is no client any more.</summary>
    public ValueTask<bool> FlushAsync()
    {
        var flush = Writer.FlushAsync();
        Volatile.Write(ref _saidAt, exchange.Parts.Clock.GetTimestamp());
        return flush.IsCompletedSuccessfully ? ValueTask.FromResult(IsOver(flush.Result)) : PaceAsync(flush.AsTask());
    }

    /// <summary>The relay waits for the provider: from here on a ping may go out.</summary>
    public void Rest()
    {
        lock (_gate)
        {
            _isResting = true;
        }
    }

    /// <summary>No ping goes out any more, and one that the client is slow to take has gone. True when there is no client any more.</summary>
    public ValueTask<bool> WakeAsync()
    {
        Task<FlushResult>? ping;
        lock (_gate)
        {
            (_isResting, ping, _ping) = (false, _ping, null);
        }

        return ping is null or { IsCompleted: true } ? ValueTask.FromResult(false) : PaceAsync(ping);
    }

    /// <summary>A sign of life in the words of the client's dialect. The provider's time limits do not hear of it.</summary>
    public void Ping()
    {
        lock (_gate)
        {
            if (!_isResting || _ping is { IsCompleted: false } || scanner.IsInsideFrame)
            {
                return;
            }

            try
            {
                scanner.IsPreceded = true;
                Writer.Write(exchange.Plan.Format.Ping(scanner.SawContent));
                var flush = Writer.FlushAsync();
                Volatile.Write(ref _saidAt, exchange.Parts.Clock.GetTimestamp());
                _ping = flush.IsCompletedSuccessfully ? null : flush.AsTask();
            }
            catch (Exception gone) when (gone is IOException or InvalidOperationException or OperationCanceledException)
            {
                // The connection has ended, of which the relay hears by itself.
                _isResting = false;
            }
        }
    }

    /// <summary>An error as the last event of a stream whose status line has gone out. A client that no longer reads does not hold this up.</summary>
    public async Task TellAsync(Fault fault)
    {
        ending.Fail(Writer, fault, scanner.IsInsideFrame);
        var flush = Writer.FlushAsync().AsTask();
        await Task.WhenAny(flush, Task.Delay(TimeSpan.FromMilliseconds(TellMilliseconds), exchange.Parts.Clock, CancellationToken.None));
        if (!flush.IsCompleted)
        {
            exchange.Call.Http.Abort();
        }
    }

    private static bool IsOver(FlushResult result) => result.IsCompleted || result.IsCanceled;

    private async ValueTask<bool> PaceAsync(Task<FlushResult> pending)
    {
        // A client that is slow must not make the provider look silent.
        attempt.PauseIdle();
        if (attempt.Steps is { } steps && !await steps.MayWaitAsync(pending, cut))
        {
            reachCap();
        }

        if (await Task.WhenAny(pending, cut) != pending && await cut != RelayEnd.CapReached)
        {
            // It has not taken the last bytes, so it will not take a farewell either.
            exchange.Call.Http.Abort();
            return true;
        }

        return IsOver(await pending);
    }
}
