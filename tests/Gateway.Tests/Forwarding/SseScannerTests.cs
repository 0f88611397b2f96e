using System.Buffers;
using System.Text;
using Crew.Gateway.Dialects.OpenAi;
using Crew.Gateway.Forwarding;
using Crew.Gateway.Metering;
using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using Xunit;

namespace Crew.Gateway.Tests.Forwarding;

public sealed class SseScannerTests
{
    private const string Text =
        """data: {"id":"c","choices":[{"index":0,"delta":{"content":"Dobrý \"usage\": 🐎\n"},"finish_reason":null}],"usage":null}""";
    private const string Role =
        """data: {"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}""";
    private const string End = """data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}""";
    private const string Usage = """data: {"id":"c","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4,"total_tokens":13}}""";
    private const string EndWithUsage =
        """data: {"choices":[{"delta":{},"finish_reason":"length"}],"x_groq":{"usage":{"prompt_tokens":3,"completion_tokens":2}}}""";
    private const string Running =
        """data: {"choices":[{"delta":{"content":"a"},"finish_reason":null}],"usage":{"prompt_tokens":3,"completion_tokens":1}}""";
    private const string Done = "data: [DONE]";
    private const string Error = """data: {"error":{"message":"overloaded","type":"server_error","param":null,"code":null}}""";

    private sealed record Result(string Before, string Tail, SseScanner Scanner);

    private static string Stream(string newline, params string[] frames) =>
        string.Concat(frames.Select(frame => frame.Replace("\n", newline, StringComparison.Ordinal) + newline + newline));

    private static Result Run(byte[] bytes, IEnumerable<int> cuts, bool wantsUsage)
    {
        var scanner = new SseScanner(new ChatChunkReader(wantsUsage));
        var output = new ArrayBufferWriter<byte>();
        var from = 0;
        foreach (var cut in cuts.Append(bytes.Length))
        {
            scanner.Push(bytes.AsSpan(from, cut - from), output);
            from = cut;
        }

        scanner.Complete();
        var before = output.WrittenCount;
        scanner.ReleaseTail(output);
        scanner.TailBytes.ShouldBe(0);
        return new Result(
            Encoding.UTF8.GetString(output.WrittenSpan[..before]), Encoding.UTF8.GetString(output.WrittenSpan[before..]), scanner);
    }

    /// <summary>Every cut in two, and every cut into bytes, gives the same.</summary>
    private static SseScanner Expect(string stream, string before, string tail, bool wantsUsage = false)
    {
        var bytes = Encoding.UTF8.GetBytes(stream);
        var cuts = Enumerable.Range(0, bytes.Length + 1).Select(cut => new[] { cut }).Append([.. Enumerable.Range(1, bytes.Length - 1)]);
        var whole = Run(bytes, [], wantsUsage);
        whole.Before.ShouldBe(before);
        whole.Tail.ShouldBe(tail);
        foreach (var cut in cuts)
        {
            var result = Run(bytes, cut, wantsUsage);
            (result.Before, result.Tail).ShouldBe((before, tail));
            result.Scanner.Usage.ShouldBe(whole.Scanner.Usage);
            result.Scanner.FinishReason.ShouldBe(whole.Scanner.FinishReason);
            result.Scanner.DeliveredTextBytes.ShouldBe(whole.Scanner.DeliveredTextBytes);
            (result.Scanner.IsDone, result.Scanner.SawError).ShouldBe((whole.Scanner.IsDone, whole.Scanner.SawError));
        }

        return whole.Scanner;
    }

    [Theory]
    [InlineData("\n")]
    [InlineData("\r\n")]
    [InlineData("\r")]
    [Trait("Trap", "2")]
    public void The_usage_chunk_is_taken_out_and_the_end_waits(string newline)
    {
        var scanner = Expect(
            Stream(newline, Role, Text, Text, End, Usage, Done), Stream(newline, Role, Text, Text, End), Stream(newline, Done));
        scanner.Usage.ShouldBe(new TokenCounts(9, 0, 0, 4, 0));
        scanner.FinishReason.ShouldBe("stop");
        scanner.IsDone.ShouldBeTrue();
        scanner.DeliveredTextBytes.ShouldBe(2 * Encoding.UTF8.GetByteCount("Dobrý \"usage\": 🐎\n"));
    }

    [Theory]
    [InlineData("\n")]
    [InlineData("\r\n")]
    [InlineData("\r")]
    [Trait("Trap", "2")]
    public void A_client_that_asked_gets_the_usage_chunk_after_the_settlement(string newline)
    {
        var scanner = Expect(
            Stream(newline, Role, Text, End, Usage, Done), Stream(newline, Role, Text, End), Stream(newline, Usage, Done), true);
        scanner.Usage.ShouldNotBeNull();
    }

    [Fact]
    public void Usage_in_the_last_chunk_of_text_is_held_and_kept()
    {
        var scanner = Expect(Stream("\n", Text, EndWithUsage, Done), Stream("\n", Text), Stream("\n", EndWithUsage, Done));
        scanner.Usage.ShouldBe(new TokenCounts(3, 0, 0, 2, 0));
        scanner.FinishReason.ShouldBe("length");
    }

    [Fact]
    public void Usage_in_every_chunk_delays_nothing_and_the_last_one_wins()
    {
        var later = Running.Replace("\"completion_tokens\":1", "\"completion_tokens\":7", StringComparison.Ordinal);
        Expect(Stream("\n", Running, later, Done), Stream("\n", Running, later), Stream("\n", Done))
            .Usage.ShouldBe(new TokenCounts(3, 0, 0, 7, 0));
    }

    [Fact]
    public void What_was_held_too_early_goes_out_before_the_next_text() =>
        Expect(Stream("\n", Usage, Text, Done), Stream("\n", Usage, Text), Stream("\n", Done), true);

    [Fact]
    public void A_provider_without_usage_leaves_none()
    {
        var scanner = Expect(Stream("\n", Text, End, Done), Stream("\n", Text, End), Stream("\n", Done));
        scanner.Usage.ShouldBeNull();
        Expect(Stream("\n", Usage.Replace("9", "0", StringComparison.Ordinal).Replace("4", "0", StringComparison.Ordinal)
            .Replace("13", "0", StringComparison.Ordinal), Done), "", Stream("\n", Done)).Usage.ShouldBe(default(TokenCounts));
    }

    [Fact]
    public void Comments_pass_at_once_and_never_overtake()
    {
        Expect(": ping\n\n" + Stream("\n", Text) + ": ping\n" + Stream("\n", Usage) + ": late\n\n" + Stream("\n", Done),
            ": ping\n\n" + Stream("\n", Text) + ": ping\n: late\n\n", Stream("\n", Done));
        Expect(Stream("\n", Usage) + ": late\n\n" + Stream("\n", Done), "", Stream("\n", Usage) + ": late\n\n" + Stream("\n", Done), true);
        using var scanner = new SseScanner(new ChatChunkReader(false));
        var output = new ArrayBufferWriter<byte>();
        scanner.Push(": keep-alive\n"u8, output);
        output.WrittenCount.ShouldBe(13);
    }

    [Fact]
    public void A_byte_order_mark_and_several_data_lines_are_understood()
    {
        var split = Usage.Replace(",\"usage\"", ",\ndata:\"usage\"", StringComparison.Ordinal);
        Expect("\uFEFF" + Stream("\n", Usage, Done), "", Stream("\n", Done)).Usage.ShouldNotBeNull();
        Expect("\uFEFF" + Stream("\n", Text, Done), "\uFEFF" + Stream("\n", Text), Stream("\n", Done))
            .DeliveredTextBytes.ShouldBeGreaterThan(0);
        Expect(Stream("\r\n", "event: message\nid: 7\n" + split, Done), "", Stream("\r\n", Done)).Usage.ShouldNotBeNull();
    }

    [Theory]
    [InlineData(Error)]
    [InlineData("event: error\ndata: {\"message\":\"x\"}")]
    [InlineData("event: error\ndata: not json")]
    public void An_error_inside_the_stream_ends_it(string error)
    {
        var scanner = Expect(Stream("\n", Text, error), Stream("\n", Text), Stream("\n", error));
        scanner.SawError.ShouldBeTrue();
        scanner.IsDone.ShouldBeFalse();
    }

    [Fact]
    public void Text_that_looks_like_members_is_text()
    {
        const string Tricky =
            """data: {"choices":[{"delta":{"content":"\"error\":{} \"usage\":{} [DONE] \"finish_reason\":\"x\""}}],"error":null}""";
        var scanner = Expect(Stream("\n", Tricky, Done), Stream("\n", Tricky), Stream("\n", Done));
        (scanner.SawError, scanner.Usage, scanner.FinishReason).ShouldBe((false, null, null));
    }

    [Fact]
    public void Tool_calls_and_reasoning_count_as_delivered_text()
    {
        const string Call =
            """data: {"choices":[{"delta":{"tool_calls":[{"id":"c_1","type":"fn","function":{"name":"f","arguments":"{\"a\""}}]}}]}""";
        const string Thought = """data: {"choices":[{"delta":{"reasoning_content":"hm","content":null}}]}""";
        Expect(Stream("\n", Call, Thought, Done), Stream("\n", Call, Thought), Stream("\n", Done)).DeliveredTextBytes.ShouldBe(1 + 4 + 2);
    }

    [Fact]
    public void A_stream_cut_in_a_frame_keeps_the_rest_for_the_end()
    {
        Expect(Stream("\n", Text) + "data: {\"choi", Stream("\n", Text), "data: {\"choi");
        Expect(Stream("\n", Text) + "data: [DONE]", Stream("\n", Text), "data: [DONE]").IsDone.ShouldBeTrue();
        Expect(Stream("\n", Text) + Usage, Stream("\n", Text), "").Usage.ShouldNotBeNull();
    }

    [Fact]
    public void A_frame_beyond_the_limit_passes_unread_and_the_stream_goes_on()
    {
        var huge = Encoding.UTF8.GetBytes(
            "data: \"" + new string('x', (1 << 20) + 100_000) + "\"\r\n\r\n" + Stream("\r\n", Text, Usage, Done));
        foreach (var size in new[] { 1_000, 65_536, huge.Length })
        {
            var result = Run(huge, Enumerable.Range(1, (huge.Length - 1) / size).Select(i => i * size), false);
            (result.Before + result.Tail).ShouldBe(
                Encoding.UTF8.GetString(huge).Replace(Stream("\r\n", Usage), "", StringComparison.Ordinal));
            result.Tail.ShouldBe(Stream("\r\n", Done));
            result.Scanner.Usage.ShouldNotBeNull();
        }
    }

    [Fact]
    public void Random_bytes_pass_and_nothing_throws()
    {
        var sample = Encoding.UTF8.GetBytes(Stream("\n", Text, EndWithUsage, Error));
        Prop.ForAll(ArbMap.Default.ArbFor<byte[]>(), ArbMap.Default.ArbFor<int>(), (noise, place) =>
        {
            var at = Math.Abs(place % sample.Length);
            byte[] bytes = [.. sample[..at], .. noise, .. sample[at..]];
            var whole = Run(bytes, [], true);
            var cut = Run(bytes, Enumerable.Range(1, bytes.Length - 1), true);
            (whole.Before, whole.Tail).ShouldBe((cut.Before, cut.Tail));
            (whole.Before + whole.Tail).ShouldBe(Encoding.UTF8.GetString(bytes));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(500));
    }

    [Fact]
    public void A_core_scans_hundreds_of_thousands_of_chunks_a_second()
    {
        var chunk = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(Stream("\n", Text), 100)));
        var output = new ArrayBufferWriter<byte>(1 << 20);
        using var scanner = new SseScanner(new ChatChunkReader(false));
        var begun = TimeProvider.System.GetTimestamp();
        for (var i = 0; i < 1_000; i++)
        {
            scanner.Push(chunk.AsSpan(0, 7_000), output);
            scanner.Push(chunk.AsSpan(7_000), output);
            output.ResetWrittenCount();
        }

        var elapsed = TimeProvider.System.GetElapsedTime(begun);
        TestContext.Current.TestOutputHelper?.WriteLine($"{100_000 / elapsed.TotalSeconds:N0} chunks/s");
        elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(5));
    }
}
