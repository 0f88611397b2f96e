using System.Collections.Concurrent;

namespace Crew.Testing;

/// <summary>The mock provider's own price list, in US dollars for a million tokens.</summary>
public sealed record MockPrices(decimal Input, decimal Output, decimal? CacheRead = null)
{
    public static readonly MockPrices Default = new(0.15m, 0.60m, 0.075m);

    /// <summary>
    /// The bill of one answer. It is worked out in decimal dollars, on purpose unlike the product's integer arithmetic;
    /// part of a nano-dollar is charged as a whole one.
    /// </summary>
    /// <remarks>What is written to a cache costs 1.25 times the input price, and twice that price where it is kept for an hour.</remarks>
    public long NanoUsd(long prompt, long cached, long completion, long written = 0, long writtenLong = 0)
    {
        var fresh = prompt - cached - written - writtenLong;
        var dollars = ((fresh * Input) + (cached * (CacheRead ?? Input)) + (written * Input * 1.25m) + (writtenLong * Input * 2m)
            + (completion * Output)) / 1_000_000m;
        return decimal.ToInt64(decimal.Ceiling(dollars * 1_000_000_000m));
    }
}

/// <summary>What the provider remembers of one request and charges for it. Amounts stand when <see cref="Closed"/> is true.</summary>
public sealed class MockBill
{
    public required long Ordinal { get; init; }

    public required string Path { get; init; }

    public required string? Model { get; init; }

    public required bool Stream { get; init; }

    public required bool IncludeUsage { get; init; }

    /// <summary>The output cap that arrived, for each choice; null when the request named none.</summary>
    public required long? Cap { get; init; }

    public required int Choices { get; init; }

    /// <summary>The value of the Authorization header as it came, or of <c>x-api-key</c> at the endpoints of the Anthropic dialect.</summary>
    public required string? Credential { get; init; }

    public int Status { get; internal set; }

    public long PromptTokens { get; internal set; }

    public long CachedTokens { get; internal set; }

    public long CacheWriteTokens { get; internal set; }

    public long LongCacheWriteTokens { get; internal set; }

    public long CompletionTokens { get; internal set; }

    public bool Disconnected { get; internal set; }

    public bool Cut { get; internal set; }

    public long NanoUsd { get; internal set; }

    public bool Closed { get; internal set; }
}

/// <summary>A request as it arrived: every header, and the body byte for byte.</summary>
public sealed record MockRecord(long Ordinal, string Method, string Path, IReadOnlyDictionary<string, string> Headers, byte[] Body);

/// <summary>The provider's ledger. Sums cover every request; entries and bodies only where the provider was told to keep them.</summary>
public sealed class MockBooks
{
    private readonly ConcurrentQueue<MockBill> _bills = new();
    private readonly ConcurrentQueue<MockRecord> _records = new();
    private readonly int _keptBodies;
    private readonly bool _keepBills;
    private long _received;
    private long _closed;
    private long _promptTokens;
    private long _completionTokens;
    private long _nanoUsd;

    internal MockBooks(bool keepBills, int keptBodies)
    {
        _keepBills = keepBills;
        _keptBodies = keptBodies;
    }

    public long Received => Interlocked.Read(ref _received);

    public long InFlight => Received - Interlocked.Read(ref _closed);

    public long PromptTokens => Interlocked.Read(ref _promptTokens);

    public long CompletionTokens => Interlocked.Read(ref _completionTokens);

    /// <summary>All that the provider charges so far.</summary>
    public long TotalNanoUsd => Interlocked.Read(ref _nanoUsd);

    public IReadOnlyList<MockBill> Bills => [.. _bills];

    /// <summary>The last requests, oldest first.</summary>
    public IReadOnlyList<MockRecord> Records => [.. _records];

    public bool KeepsBodies => _keptBodies > 0;

    internal long NextOrdinal() => Interlocked.Increment(ref _received);

    internal void Open(MockBill bill)
    {
        if (_keepBills)
        {
            _bills.Enqueue(bill);
        }
    }

    internal void Keep(MockRecord record)
    {
        _records.Enqueue(record);
        while (_records.Count > _keptBodies)
        {
            _records.TryDequeue(out _);
        }
    }

    internal void Close(MockBill bill, long nanoUsd)
    {
        bill.NanoUsd = nanoUsd;
        bill.Closed = true;
        Interlocked.Add(ref _promptTokens, bill.PromptTokens);
        Interlocked.Add(ref _completionTokens, bill.CompletionTokens);
        Interlocked.Add(ref _nanoUsd, nanoUsd);
        Interlocked.Increment(ref _closed);
    }

    /// <summary>Returns when no request is in flight at the provider any more.</summary>
    public async Task QuietAsync(TimeSpan limit)
    {
        using var late = new CancellationTokenSource(limit);
        while (InFlight > 0)
        {
            await Task.Delay(5, late.Token);
        }
    }

    /// <summary>Forgets everything. Call it only while nothing is in flight.</summary>
    public void Clear()
    {
        _bills.Clear();
        _records.Clear();
        _received = _closed = _promptTokens = _completionTokens = _nanoUsd = 0;
    }
}
