using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;

namespace Crew.Testing;

/// <summary>Sends one streamed answer: in one write when nothing slows it down, else frame by frame at its pace.</summary>
internal sealed class MockStream(MockTurn turn, MockBehavior behavior, MockShare share, MockFrames frames)
{
    public async Task SendAsync(Action<MockBill, MockShare, long, MockBehavior> charge)
    {
        var response = turn.Context.Response;
        (response.StatusCode, response.ContentType) = (200, "text/event-stream; charset=utf-8");
        response.Headers.CacheControl = "no-cache";
        var unhindered = behavior is { ChunksPerSecond: 0, CutAfterChunks: null, GateAfterChunks: null, FirstByteDelayMs: 0 };
        if (unhindered)
        {
            charge(turn.Bill, share, share.Completion, behavior);
            response.BodyWriter.Write(behavior.LatencyMaxMs > 0 ? MockAnswers.Stamp(frames.Whole, turn.ElapsedUs) : frames.Whole);
            await response.BodyWriter.FlushAsync(turn.Context.RequestAborted);
            return;
        }

        var sent = 0;
        try
        {
            await PaceAsync(response.BodyWriter, () => sent++);
            charge(turn.Bill, share, turn.Bill.Cut ? share.CompletionAfter(sent, frames.Content.Length) : share.Completion, behavior);
        }
        catch (Exception gone) when (gone is OperationCanceledException or IOException)
        {
            var spoken = behavior.StopsBillingOnDisconnect ? share.CompletionAfter(sent, frames.Content.Length) : share.Completion;
            charge(turn.Bill, share, spoken, behavior);
            turn.Bill.Disconnected = true;
        }
    }

    private async Task PaceAsync(PipeWriter writer, Action counted)
    {
        var gone = turn.Context.RequestAborted;
        await FlushAsync(writer, gone);
        if (behavior.FirstByteDelayMs > 0)
        {
            await Task.Delay(behavior.FirstByteDelayMs, gone);
        }

        writer.Write(frames.Head);
        await FlushAsync(writer, gone);
        var started = Stopwatch.GetTimestamp();
        for (var index = 0; index < frames.Content.Length; index++)
        {
            if (behavior.CutAfterChunks == index)
            {
                await CutAsync();
                return;
            }

            if (behavior.Gate is { } gate && behavior.GateAfterChunks == index)
            {
                await gate.WaitAsync(gone);
            }

            await UntilDueAsync(started, index, gone);
            writer.Write(frames.Content[index]);
            await FlushAsync(writer, gone);
            counted();
        }

        if (behavior.CutAfterChunks >= frames.Content.Length)
        {
            await CutAsync();
            return;
        }

        writer.Write(frames.Tail);
        await FlushAsync(writer, gone);
    }

    /// <summary>Chunk times are counted from the start, so that a late chunk does not delay those after it.</summary>
    private async ValueTask UntilDueAsync(long started, int index, CancellationToken gone)
    {
        if (behavior.ChunksPerSecond <= 0)
        {
            return;
        }

        var due = TimeSpan.FromSeconds((index + 1) / behavior.ChunksPerSecond);
        for (var left = due - Stopwatch.GetElapsedTime(started); left > TimeSpan.Zero; left = due - Stopwatch.GetElapsedTime(started))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(Math.Max(1, Math.Ceiling(left.TotalMilliseconds))), gone);
        }
    }

    private Task CutAsync()
    {
        turn.Bill.Cut = true;
        return CutAsync(turn.Context);
    }

    /// <summary>Tears the connection down once what was written is on its way: an abort throws away what still waits to be sent.</summary>
    internal static async Task CutAsync(HttpContext context)
    {
        await Task.Delay(50);
        context.Abort();
    }

    private static async ValueTask FlushAsync(PipeWriter writer, CancellationToken gone)
    {
        var flushed = await writer.FlushAsync(gone);
        if (flushed.IsCompleted || flushed.IsCanceled)
        {
            throw new OperationCanceledException("The client has gone.");
        }
    }
}
