using System.Globalization;
using System.Threading.Channels;

namespace Crew.Spend;

/// <summary>Writes extensions: sets on each what was decided, and whether it is durable.</summary>
internal delegate Task WriteLeases(long epoch, IReadOnlyList<LeaseExtension> batch, CancellationToken cancel);

/// <summary>
/// The one loop that turns wishes for capacity into durable leases. Each allowance waits at most once, so the queue is bounded
/// by the budgets in use.
/// </summary>
internal sealed class LeaseDesk(WriteLeases write, SpendOptions options, TimeProvider clock)
{
    private readonly Channel<Allowance> _queue = Channel.CreateUnbounded<Allowance>(new UnboundedChannelOptions { SingleReader = true });
    private readonly Lock _lock = new();
    private readonly HashSet<Book> _breached = [];
    private long _leases;

    /// <summary>The number of this process start. Leases of other epochs are never touched.</summary>
    public long Epoch { get; private set; }

    public bool IsOpen { get; private set; }

    public void Open(long epoch) => (Epoch, IsOpen) = (epoch, true);

    public void Shut() => IsOpen = false;

    public string NextLeaseId() =>
        string.Create(CultureInfo.InvariantCulture, $"{Epoch}.{Interlocked.Increment(ref _leases)}");

    public void Queue(Allowance allowance) => _queue.Writer.TryWrite(allowance);

    public void NoteBreach(Book book)
    {
        lock (_lock)
        {
            _breached.Add(book);
        }
    }

    public IReadOnlyList<Book> TakeBreached()
    {
        lock (_lock)
        {
            Book[] breached = [.. _breached];
            _breached.Clear();
            return breached;
        }
    }

    /// <summary>Serves the queue until told to stop. A database that is away slows it down and loses nothing.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        try
        {
            while (await _queue.Reader.WaitToReadAsync(stop))
            {
                if (!await ServeAsync(stop))
                {
                    await Task.Delay(TimeSpan.FromMilliseconds(options.RetryMilliseconds), clock, stop);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping; what is still queued is written by DrainAsync.
        }
    }

    /// <summary>Writes whatever is queued, until nothing is or the database refuses.</summary>
    public async Task<bool> DrainAsync(CancellationToken cancel)
    {
        while (_queue.Reader.TryPeek(out _))
        {
            if (!await ServeAsync(cancel))
            {
                return false;
            }
        }

        return true;
    }

    private async Task<bool> ServeAsync(CancellationToken cancel)
    {
        var batch = new List<LeaseExtension>(options.BatchLeases);
        while (batch.Count < options.BatchLeases && _queue.Reader.TryRead(out var allowance))
        {
            batch.Add(allowance.Book.Take(allowance));
        }

        try
        {
            await write(Epoch, batch, cancel);
        }
        finally
        {
            foreach (var extension in batch)
            {
                if (extension.IsDurable)
                {
                    extension.Allowance.Book.Apply(extension);
                }
                else
                {
                    extension.Allowance.Book.Fail(extension);
                }
            }
        }

        return batch.TrueForAll(e => e.IsDurable);
    }
}
