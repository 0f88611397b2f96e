using System.Globalization;
using System.Threading.Channels;

namespace Crew.Spend;

/// <summary>Writes extensions: sets on each what was decided, and whether it is durable.</summary>
internal delegate Task WriteLeases(long epoch, IReadOnlyList<LeaseExtension> batch, Peers peers, CancellationToken cancel);

/// <summary>
/// The one loop that turns wishes for capacity into durable leases. Each allowance waits at most once, so the queue is bounded
/// by the budgets in use.
/// </summary>
internal sealed class LeaseDesk(WriteLeases write, SpendOptions options, TimeProvider clock)
{
    private readonly Channel<Allowance> _queue = Channel.CreateUnbounded<Allowance>(new UnboundedChannelOptions { SingleReader = true });
    private readonly List<Allowance> _paced = [];
    private readonly Lock _lock = new();
    private readonly HashSet<Book> _breached = [];
    private long _leases;
    private long _recalls;
    private long _validUntil = long.MaxValue;

    /// <summary>The number of this process start. Leases of other epochs are never touched.</summary>
    public long Epoch { get; private set; }

    public bool IsOpen { get; private set; }

    /// <summary>Whether other nodes lease from the same database; set before the desk opens.</summary>
    public bool IsShared { get; init; }

    public LedgerTime Time { get; } = new(clock);

    public Peers Peers { get; } = new(clock);

    /// <summary>
    /// Whether what was leased may still be spent. A node that has not reached the database for a while may have been taken for dead.
    /// </summary>
    public bool IsValid => Volatile.Read(ref _validUntil) is var until && (until == long.MaxValue || clock.GetTimestamp() < until);

    public void Open(long epoch)
    {
        lock (_lock)
        {
            (Epoch, IsOpen) = (epoch, true);
        }
    }

    public void Shut() => IsOpen = false;

    /// <summary>The epoch was alive at a moment of the monotonic clock.</summary>
    public void Renewed(long timestamp) =>
        Volatile.Write(ref _validUntil, timestamp + (clock.TimestampFrequency * options.ValidSeconds));

    /// <summary>The epoch is over: nothing more is spent until another one has begun. What is said late of an earlier one says nothing of this one.</summary>
    public void Invalidate(long epoch)
    {
        lock (_lock)
        {
            if (epoch == Epoch)
            {
                Volatile.Write(ref _validUntil, 0);
            }
        }
    }

    public void NoteRecall() => Interlocked.Increment(ref _recalls);

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
            while (await WaitAsync(stop))
            {
                if (!await ServeAsync(TakeReady(ignoresPace: false), stop))
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

    /// <summary>How often this node asked others for unused capacity.</summary>
    public long Recalls => Volatile.Read(ref _recalls);

    /// <summary>When the next of those may be written that must wait, on the monotonic clock.</summary>
    internal long? NextDue => _paced.Count == 0 ? null : _paced.Min(a => a.NotBefore);

    /// <summary>Writes whatever is queued, until nothing is or the database refuses.</summary>
    public async Task<bool> DrainAsync(CancellationToken cancel)
    {
        while (TakeReady(ignoresPace: true) is { Count: > 0 } batch)
        {
            if (!await ServeAsync(batch, cancel))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>What may be written now; each is in it once.</summary>
    internal List<LeaseExtension> TakeReady(bool ignoresPace)
    {
        var now = clock.GetTimestamp();
        var batch = new List<LeaseExtension>(options.BatchLeases);
        _paced.RemoveAll(paced => (ignoresPace || paced.NotBefore <= now) && TryTake(paced, batch));
        while (batch.Count < options.BatchLeases && _queue.Reader.TryRead(out var queued))
        {
            if (!ignoresPace && queued.NotBefore > now)
            {
                _paced.Add(queued);
            }
            else
            {
                TryTake(queued, batch);
            }
        }

        return batch;
    }

    /// <summary>Takes over what became of a batch.</summary>
    internal static void Apply(IReadOnlyList<LeaseExtension> batch)
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

    /// <summary>False when the batch is full. One that was queued twice is taken once.</summary>
    private bool TryTake(Allowance allowance, List<LeaseExtension> batch)
    {
        if (batch.Count == options.BatchLeases)
        {
            return false;
        }

        if (allowance.IsQueued)
        {
            batch.Add(allowance.Book.Take(allowance));
        }

        return true;
    }

    /// <summary>Waits until something may be written.</summary>
    private async ValueTask<bool> WaitAsync(CancellationToken stop)
    {
        if (NextDue is not { } due)
        {
            return await _queue.Reader.WaitToReadAsync(stop);
        }

        var wait = clock.GetElapsedTime(clock.GetTimestamp(), due);
        if (wait > TimeSpan.Zero && !_queue.Reader.TryPeek(out _))
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(stop);
            await Task.WhenAny(_queue.Reader.WaitToReadAsync(either.Token).AsTask(), Task.Delay(wait, clock, either.Token));
            await either.CancelAsync();
        }

        stop.ThrowIfCancellationRequested();
        return true;
    }

    private async Task<bool> ServeAsync(List<LeaseExtension> batch, CancellationToken cancel)
    {
        if (batch.Count == 0)
        {
            return true;
        }

        try
        {
            await write(Epoch, batch, Peers, cancel);
        }
        finally
        {
            Apply(batch);
        }

        return batch.TrueForAll(e => e.IsDurable);
    }
}
