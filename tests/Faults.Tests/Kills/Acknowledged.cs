using System.Collections.Concurrent;

namespace Crew.Faults.Tests;

/// <summary>What clients were told. Whatever is in here must be on record, whenever the process died afterwards.</summary>
internal sealed class Acknowledged
{
    /// <summary>Requests answered to their end, with the cost that the answer's own usage comes to.</summary>
    public ConcurrentDictionary<string, long> Answers { get; } = new(StringComparer.Ordinal);

    /// <summary>Streams of which at least the status line arrived.</summary>
    public ConcurrentBag<string> Begun { get; } = [];

    public ConcurrentBag<string> MadeKeys { get; } = [];

    public ConcurrentBag<string> RolledKeys { get; } = [];

    public ConcurrentBag<string> RevokedKeys { get; } = [];

    public int Count => Answers.Count + MadeKeys.Count + RolledKeys.Count + RevokedKeys.Count;
}
