using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Crew.Testing;

/// <summary>What one answer says and costs, worked out before its first byte is sent.</summary>
internal sealed record MockShare(
    string Model, long Prompt, long Cached, long CompletionPerChoice, long Reasoning, int Choices, bool StreamUsage)
{
    public MockForm Form { get; init; }

    public long CacheWrites { get; init; }

    public long LongCacheWrites { get; init; }

    public long Completion => CompletionPerChoice * Choices;

    public static MockShare Of(MockRequest request, MockBehavior behavior)
    {
        var prompt = behavior.PromptTokens ?? Math.Max(1, request.BodyBytes / 4);
        var spoken = behavior.HonoursCap && request.Cap is { } cap
            ? Math.Min(behavior.CompletionTokens, cap)
            : behavior.CompletionTokens;
        return new MockShare(request.Model ?? "", prompt, Math.Min(behavior.CachedTokens, prompt), spoken,
            Math.Min(behavior.ReasoningTokens, spoken), request.Choices, request.Stream && request.IncludeUsage)
        {
            Form = request.Form,
            CacheWrites = behavior.CacheWriteTokens,
            LongCacheWrites = behavior.LongCacheWriteTokens,
        };
    }

    /// <summary>What has been spoken when <paramref name="sent"/> of <paramref name="of"/> chunks are out.</summary>
    public long CompletionAfter(int sent, int of) => of == 0 ? Completion : Completion * sent / of;
}

/// <summary>A stream cut into frames: the opening one, the content, the closing ones.</summary>
internal sealed record MockFrames(byte[] Head, byte[][] Content, byte[] Tail, byte[] Whole);

/// <summary>Renders answers; those of the OpenAI dialect by itself. Equal answers are rendered once, so that an instant answer costs a copy.</summary>
internal sealed class MockAnswers
{
    /// <summary>The answer's <c>system_fingerprint</c> ends in the provider's own delay, for a load generator to subtract.</summary>
    public const string DelayMark = "fp_delay_us_";

    private const int DelayDigits = 12;
    private const int MostCached = 1024;
    internal const int MostChunks = 10_000;
    private const long Created = 1_767_225_600;

    private readonly System.Collections.Concurrent.ConcurrentDictionary<(MockBehavior, MockShare), object> _rendered =
        new(new ByReference());

    public byte[] Json(MockBehavior behavior, MockShare share) =>
        (byte[])Cached(behavior, share, static (b, s) => s.Form switch
        {
            MockForm.Message => MockMessages.RenderJson(b, s),
            MockForm.Response => MockResponses.RenderJson(b, s),
            _ => RenderJson(b, s),
        });

    public MockFrames Frames(MockBehavior behavior, MockShare share) =>
        (MockFrames)Cached(behavior, share, static (b, s) => s.Form switch
        {
            MockForm.Message => MockMessages.RenderFrames(b, s),
            MockForm.Response => MockResponses.RenderFrames(b, s),
            _ => RenderFrames(b, s),
        });

    /// <summary>A copy of a rendered answer that names the delay it was sent with.</summary>
    public static byte[] Stamp(byte[] rendered, long delayUs)
    {
        var at = rendered.AsSpan().IndexOf("fp_delay_us_"u8);
        if (at < 0)
        {
            return rendered;
        }

        var stamped = (byte[])rendered.Clone();
        delayUs.TryFormat(stamped.AsSpan(at + DelayMark.Length, DelayDigits), out _, "D12", CultureInfo.InvariantCulture);
        return stamped;
    }

    private object Cached(MockBehavior behavior, MockShare share, Func<MockBehavior, MockShare, object> render)
    {
        if (_rendered.TryGetValue((behavior, share), out var known))
        {
            return known;
        }

        var made = render(behavior, share);
        if (_rendered.Count < MostCached)
        {
            _rendered.TryAdd((behavior, share), made);
        }

        return made;
    }

    private static byte[] RenderJson(MockBehavior behavior, MockShare share) => Write(json =>
    {
        Opening(json, "chat.completion", share.Model);
        json.WriteStartArray("choices");
        for (var index = 0; index < share.Choices; index++)
        {
            json.WriteStartObject();
            json.WriteNumber("index", index);
            json.WriteStartObject("message");
            json.WriteString("role", "assistant");
            WriteMessage(json, behavior, share);
            json.WriteNull("refusal");
            json.WriteEndObject();
            json.WriteNull("logprobs");
            json.WriteString("finish_reason", Finish(behavior, share));
            json.WriteEndObject();
        }

        json.WriteEndArray();
        if (behavior.Usage != MockUsage.Missing)
        {
            WriteUsage(json, share, share.Completion, behavior.Usage == MockUsage.Zero);
        }

        json.WriteEndObject();
    });

    private static void WriteMessage(Utf8JsonWriter json, MockBehavior behavior, MockShare share)
    {
        if (behavior.ToolCalls is not { Count: > 0 } calls)
        {
            json.WriteString("content", behavior.Text ?? Filler(share.CompletionPerChoice));
            return;
        }

        json.WriteNull("content");
        json.WriteStartArray("tool_calls");
        for (var call = 0; call < calls.Count; call++)
        {
            json.WriteStartObject();
            json.WriteString("id", $"call_mock_{call}");
            json.WriteString("type", "function");
            json.WriteStartObject("function");
            json.WriteString("name", calls[call].Name);
            json.WriteString("arguments", calls[call].Arguments);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static MockFrames RenderFrames(MockBehavior behavior, MockShare share)
    {
        var head = Join(share.Choices, choice => Chunk(behavior, share, 0, choice, json =>
        {
            json.WriteString("role", "assistant");
            json.WriteString("content", "");
        }));
        var content = behavior.ToolCalls is { Count: > 0 } calls ? ToolFrames(behavior, share, calls) : TextFrames(behavior, share);
        var tail = new List<byte[]>
        {
            Join(share.Choices, choice => Chunk(behavior, share, share.Completion, choice, null, Finish(behavior, share))),
        };
        if (share.StreamUsage && behavior.Usage is MockUsage.Normal or MockUsage.Zero)
        {
            tail.Add(UsageChunk(behavior, share));
        }

        tail.Add("data: [DONE]\n\n"u8.ToArray());
        var closing = Concat(tail);
        return new MockFrames(head, content, closing, Concat([head, .. content, closing]));
    }

    private static byte[][] TextFrames(MockBehavior behavior, MockShare share)
    {
        var count = (int)Math.Min(behavior.Chunks ?? share.CompletionPerChoice, MostChunks);
        var frames = new byte[count][];
        for (var index = 0; index < count; index++)
        {
            var words = behavior.Text is { } text
                ? text[(int)((long)text.Length * index / count)..(int)((long)text.Length * (index + 1) / count)]
                : "tok ";
            var spoken = share.CompletionAfter(index + 1, count);
            frames[index] = Join(share.Choices,
                choice => Chunk(behavior, share, spoken, choice, json => json.WriteString("content", words)));
        }

        return frames;
    }

    /// <summary>Each call opens with id, type and name; its arguments follow in halves, the calls taking turns.</summary>
    private static byte[][] ToolFrames(MockBehavior behavior, MockShare share, IReadOnlyList<MockToolCall> calls)
    {
        var frames = new List<byte[]>();
        for (var part = 0; part < 3; part++)
        {
            for (var index = 0; index < calls.Count; index++)
            {
                var (at, piece, arguments) = (index, part, calls[index].Arguments);
                var half = arguments.Length / 2;
                var text = piece switch { 0 => "", 1 => arguments[..half], _ => arguments[half..] };
                frames.Add(Chunk(behavior, share, 0, 0, json => WriteToolDelta(json, at, piece == 0 ? calls[at].Name : null, text)));
            }
        }

        return [.. frames];
    }

    private static void WriteToolDelta(Utf8JsonWriter json, int index, string? name, string arguments)
    {
        json.WriteStartArray("tool_calls");
        json.WriteStartObject();
        json.WriteNumber("index", index);
        if (name is not null)
        {
            json.WriteString("id", $"call_mock_{index}");
            json.WriteString("type", "function");
        }

        json.WriteStartObject("function");
        if (name is not null)
        {
            json.WriteString("name", name);
        }

        json.WriteString("arguments", arguments);
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndArray();
    }

    private static byte[] Chunk(
        MockBehavior behavior, MockShare share, long spoken, int choice, Action<Utf8JsonWriter>? delta, string? finish = null) =>
        Frame(json =>
    {
        Opening(json, "chat.completion.chunk", share.Model);
        json.WriteStartArray("choices");
        json.WriteStartObject();
        json.WriteNumber("index", choice);
        json.WriteStartObject("delta");
        delta?.Invoke(json);
        json.WriteEndObject();
        json.WriteNull("logprobs");
        json.WriteString("finish_reason", finish);
        json.WriteEndObject();
        json.WriteEndArray();
        if (behavior.Usage == MockUsage.EveryChunk)
        {
            WriteUsage(json, share, spoken, zero: false);
        }
        else if (share.StreamUsage && behavior.Usage != MockUsage.Missing)
        {
            json.WriteNull("usage");
        }

        json.WriteEndObject();
    });

    private static byte[] UsageChunk(MockBehavior behavior, MockShare share) => Frame(json =>
    {
        Opening(json, "chat.completion.chunk", share.Model);
        json.WriteStartArray("choices");
        json.WriteEndArray();
        WriteUsage(json, share, share.Completion, behavior.Usage == MockUsage.Zero);
        json.WriteEndObject();
    });

    private static void Opening(Utf8JsonWriter json, string kind, string model)
    {
        json.WriteStartObject();
        json.WriteString("id", "chatcmpl-mock");
        json.WriteString("object", kind);
        json.WriteNumber("created", Created);
        json.WriteString("model", model);
        json.WriteString("system_fingerprint", DelayMark + new string('0', DelayDigits));
    }

    private static void WriteUsage(Utf8JsonWriter json, MockShare share, long completion, bool zero)
    {
        var (prompt, spoken) = zero ? (0, 0) : (share.Prompt, completion);
        json.WriteStartObject("usage");
        json.WriteNumber("prompt_tokens", prompt);
        json.WriteNumber("completion_tokens", spoken);
        json.WriteNumber("total_tokens", prompt + spoken);
        json.WriteStartObject("prompt_tokens_details");
        json.WriteNumber("cached_tokens", zero ? 0 : share.Cached);
        json.WriteEndObject();
        json.WriteStartObject("completion_tokens_details");
        json.WriteNumber("reasoning_tokens", zero ? 0 : Math.Min(share.Reasoning * share.Choices, spoken));
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static string Finish(MockBehavior behavior, MockShare share) =>
        behavior.ToolCalls is { Count: > 0 } ? "tool_calls" : share.CompletionPerChoice < behavior.CompletionTokens ? "length" : "stop";

    private static string Filler(long tokens) => new StringBuilder().Insert(0, "tok ", (int)Math.Min(tokens, 1_000_000)).ToString();

    private static byte[] Frame(Action<Utf8JsonWriter> body) => Concat(["data: "u8.ToArray(), Write(body), "\n\n"u8.ToArray()]);

    private static byte[] Join(int count, Func<int, byte[]> part) => Concat(Enumerable.Range(0, count).Select(part));

    private static byte[] Concat(IEnumerable<byte[]> parts) => [.. parts.SelectMany(part => part)];

    private static byte[] Write(Action<Utf8JsonWriter> body)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer))
        {
            body(json);
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Behaviours are compared by reference: a record with lists has no cheap equality, and scripts reuse theirs.</summary>
    private sealed class ByReference : IEqualityComparer<(MockBehavior Behavior, MockShare Share)>
    {
        public bool Equals((MockBehavior Behavior, MockShare Share) x, (MockBehavior Behavior, MockShare Share) y) =>
            ReferenceEquals(x.Behavior, y.Behavior) && x.Share.Equals(y.Share);

        public int GetHashCode((MockBehavior Behavior, MockShare Share) key) =>
            HashCode.Combine(System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(key.Behavior), key.Share);
    }
}
