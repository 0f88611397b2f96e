using System.Text.Json;
using System.Text.Json.Serialization;

namespace Crew.Testing;

/// <summary>What kind of body a mock answer has.</summary>
public enum MockShape
{
    /// <summary>A well-formed answer of the OpenAI dialect (or an error body, when the status is not 200).</summary>
    Answer,

    /// <summary>Reads the request and then never answers.</summary>
    Hang,

    /// <summary>Status 200 and a JSON content type over bytes that are not JSON.</summary>
    Garbage,

    /// <summary>Status and an HTML page, as a captive proxy would answer.</summary>
    Html,
}

/// <summary>What the answer says about tokens. The books always hold the truth.</summary>
public enum MockUsage
{
    /// <summary>As OpenAI does: in the JSON answer, or in the closing chunk of a stream that asked for it.</summary>
    Normal,
    Missing,

    /// <summary>A usage object whose counts are all zero.</summary>
    Zero,

    /// <summary>A running usage object in every chunk of a stream.</summary>
    EveryChunk,
}

/// <summary>One call of a function that the answer asks for.</summary>
public sealed record MockToolCall(string Name, string Arguments);

/// <summary>How the mock provider treats one request. The default value answers at once with 16 tokens.</summary>
public sealed record MockBehavior
{
    public static readonly MockBehavior Instant = new();

    public static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    /// <summary>Time before the response headers; drawn evenly between the two bounds.</summary>
    public int LatencyMinMs { get; init; }

    public int LatencyMaxMs { get; init; }

    /// <summary>Time between the response headers and the first byte of the body.</summary>
    public int FirstByteDelayMs { get; init; }

    public int Status { get; init; } = 200;

    /// <summary>The body of an error, as it is; without it a body of the endpoint's dialect is made from the status.</summary>
    public string? ErrorBody { get; init; }

    public IReadOnlyDictionary<string, string>? Headers { get; init; }

    public MockShape Shape { get; init; }

    public MockUsage Usage { get; init; }

    /// <summary>Without it a quarter of the body's bytes, at least 1.</summary>
    public long? PromptTokens { get; init; }

    public long CachedTokens { get; init; }

    /// <summary>Prompt tokens that are written to a cache for five minutes. Only the Anthropic dialect tells of them.</summary>
    public long CacheWriteTokens { get; init; }

    /// <summary>Prompt tokens that are written to a cache for an hour.</summary>
    public long LongCacheWriteTokens { get; init; }

    /// <summary>How many tokens the model would speak for each choice if nobody capped it.</summary>
    public long CompletionTokens { get; init; } = 16;

    /// <summary>Counted inside the completion tokens.</summary>
    public long ReasoningTokens { get; init; }

    /// <summary>False: speaks (and bills) all its tokens, whatever output cap the request names.</summary>
    public bool HonoursCap { get; init; } = true;

    /// <summary>The words of the answer; without it a filler of one word a token.</summary>
    public string? Text { get; init; }

    /// <summary>Thinking that is shown before the answer, with a signature. Only in the Anthropic dialect.</summary>
    public string? Thinking { get; init; }

    public IReadOnlyList<MockToolCall>? ToolCalls { get; init; }

    /// <summary>Content chunks of a stream; without it one for each token, at most 10,000.</summary>
    public int? Chunks { get; init; }

    /// <summary>0: as fast as the connection takes them.</summary>
    public double ChunksPerSecond { get; init; }

    /// <summary>Tears the connection down after this many content chunks (0: after the headers).</summary>
    public int? CutAfterChunks { get; init; }

    /// <summary>True: a client that goes away pays only what was spoken till then. False: the whole answer is billed.</summary>
    public bool StopsBillingOnDisconnect { get; init; }

    /// <summary>The answer waits here until the test opens the gate (or the client goes away).</summary>
    [JsonIgnore]
    public MockGate? Gate { get; init; }

    /// <summary>Where a stream waits at the gate; without it before the headers.</summary>
    public int? GateAfterChunks { get; init; }

    public static MockBehavior Fails(int status, string? body = null) => new() { Status = status, ErrorBody = body };

    public static MockBehavior Latency(int minMs, int maxMs) => new() { LatencyMinMs = minMs, LatencyMaxMs = maxMs };
}

/// <summary>A gate that a test opens when it has seen enough. Once open it stays open.</summary>
public sealed class MockGate
{
    private readonly TaskCompletionSource _open = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _waiting;

    /// <summary>Requests that stand at the gate now.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    public void Open() => _open.TrySetResult();

    public async Task WaitAsync(CancellationToken cancellation)
    {
        Interlocked.Increment(ref _waiting);
        try
        {
            await _open.Task.WaitAsync(cancellation);
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    /// <summary>Returns when this many requests stand at the gate.</summary>
    public async Task ReachedAsync(int count, TimeSpan limit)
    {
        using var late = new CancellationTokenSource(limit);
        while (Waiting < count)
        {
            await Task.Delay(5, late.Token);
        }
    }
}
