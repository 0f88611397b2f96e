using Crew.Bench.Measure;

namespace Crew.Bench.Load;

/// <summary>What one stretch of load showed. Only what happened between the end of the warm-up and the end is in it.</summary>
internal sealed class LoadResult
{
    private long _done;
    private long _refused;
    private long _broken;

    /// <summary>From the intended start of a request to the end of its answer (open loop), or from its start (closed loop).</summary>
    public Histogram Latency { get; } = new();

    /// <summary>Latency less the provider's own delay.</summary>
    public Histogram Added { get; } = new();

    /// <summary>Streams: from the request to the first content chunk.</summary>
    public Histogram FirstToken { get; } = new();

    /// <summary>Streams: from one content chunk to the next.</summary>
    public Histogram ChunkGap { get; } = new();

    public double Seconds { get; set; }

    public IReadOnlyList<ProcessUse> Used { get; set; } = [];

    public long Done => Interlocked.Read(ref _done);

    /// <summary>Answers other than 200.</summary>
    public long Refused => Interlocked.Read(ref _refused);

    /// <summary>Connections that failed or ended in the middle of an answer.</summary>
    public long Broken => Interlocked.Read(ref _broken);

    public double PerSecond => Seconds > 0 ? Done / Seconds : 0;

    /// <summary>Processor time of the measured processes for each request.</summary>
    public double CpuMicroseconds => Done > 0 ? Used.Sum(use => use.CpuSeconds) * 1e6 / Done : 0;

    public double CpuCores => Seconds > 0 ? Used.Sum(use => use.CpuSeconds) / Seconds : 0;

    public long ResidentBytes => Used.Sum(use => use.ResidentBytes);

    public void Count(Reply reply)
    {
        Interlocked.Increment(ref _done);
        if (reply.Status != 200)
        {
            Interlocked.Increment(ref _refused);
        }
    }

    public void CountBroken() => Interlocked.Increment(ref _broken);
}
