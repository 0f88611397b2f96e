using System.Threading.Channels;
using Crew.Kernel;
using Crew.Storage;

namespace Crew.Webhooks.Delivery;

/// <summary>
/// Makes durable what attempts came to, many in one commit. While the database is away it tries again: an attempt whose outcome is lost is
/// only made once more, under the same id.
/// </summary>
internal sealed class AttemptBook(Store store)
{
    private const int MostRows = 128;
    private const int RetryMilliseconds = 250;

    private readonly Channel<(AttemptRow Row, TaskCompletionSource Done)> _waiting =
        Channel.CreateUnbounded<(AttemptRow, TaskCompletionSource)>(new UnboundedChannelOptions { SingleReader = true });

    /// <summary>Completes when the row is durable, or will not be because the server stops.</summary>
    public Task WriteAsync(AttemptRow row)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        if (!_waiting.Writer.TryWrite((row, done)))
        {
            done.TrySetCanceled();
        }

        return done.Task;
    }

    public async Task RunAsync(CancellationToken stop)
    {
        var batch = new List<(AttemptRow Row, TaskCompletionSource Done)>(MostRows);
        try
        {
            while (await _waiting.Reader.WaitToReadAsync(stop))
            {
                batch.Clear();
                while (batch.Count < MostRows && _waiting.Reader.TryRead(out var next))
                {
                    batch.Add(next);
                }

                await WriteAsync(batch, stop);
            }
        }
        catch (OperationCanceledException)
        {
            batch.ForEach(b => b.Done.TrySetCanceled(CancellationToken.None));
        }
        finally
        {
            _waiting.Writer.TryComplete();
            while (_waiting.Reader.TryRead(out var left))
            {
                left.Done.TrySetCanceled(CancellationToken.None);
            }
        }
    }

    private async Task WriteAsync(List<(AttemptRow Row, TaskCompletionSource Done)> batch, CancellationToken stop)
    {
        var rows = batch.ConvertAll(b => b.Row);
        while ((await store.ChangeAsync<int>(SystemJob.Deliveries, Origin.System,
            async db => await QueueSchema.CompleteAsync(db, store.Dialect == "sqlite", rows), CancellationToken.None)).Fault is not null)
        {
            await Task.Delay(RetryMilliseconds, stop);
        }

        batch.ForEach(b => b.Done.TrySetResult());
    }
}
