using Crew.Testing;

namespace Crew.Bench.Control;

/// <summary>The mock provider in a process of its own, with one model for each workload.</summary>
internal static class MockMode
{
    /// <summary>Answers at once.</summary>
    public const string Instant = "bench-instant";

    /// <summary>Answers after 50 to 200 ms and names the delay in its answer.</summary>
    public const string Slow = "bench-slow";

    /// <summary>Streams 100 chunks at 100 a second, the first one 10 ms after the headers, which take 100 ms.</summary>
    public const string Paced = "bench-paced";

    public const int PacedChunks = 100;

    /// <summary>Streams its tokens as fast as they go.</summary>
    public const string Flood = "bench-flood";

    public const int FloodTokens = 1_000;

    /// <summary>Streams nothing for a minute behind its headers.</summary>
    public const string Idle = "bench-idle";

    /// <summary>What <see cref="Instant"/> is called in Crew where its provider speaks Anthropic's dialect.</summary>
    public const string Message = "bench-message";

    private const int IdleMs = 60_000;

    public static async Task<int> MainAsync(Arguments arguments)
    {
        // A benchmark's millions of requests are only summed; --books keeps every bill, for looking at by hand.
        await using var mock = await MockProvider.StartAsync(
            new MockProviderOptions { Port = arguments.Number("port", 0), KeepBills = arguments.Has("books"), KeptBodies = 0 });
        mock.ForModel(Instant, new MockBehavior { CompletionTokens = 16, PromptTokens = 200 });
        mock.ForModel(Slow, new MockBehavior { CompletionTokens = 16, PromptTokens = 200, LatencyMinMs = 50, LatencyMaxMs = 200 });
        mock.ForModel(Flood, new MockBehavior { CompletionTokens = FloodTokens, PromptTokens = 200 });
        mock.ForModel(Idle, new MockBehavior { CompletionTokens = 16, PromptTokens = 200, FirstByteDelayMs = IdleMs });
        mock.ForModel(Paced, new MockBehavior
        {
            CompletionTokens = PacedChunks,
            PromptTokens = 200,
            ChunksPerSecond = 100,
            LatencyMinMs = 100,
            LatencyMaxMs = 100,
        });
        await ChildLife.ListenAsync(mock.Port, arguments);
        return 0;
    }
}
