using System.Buffers;
using System.Text;
using System.Text.Json.Nodes;
using Crew.Gateway.Dialects;
using Crew.Gateway.Dialects.Anthropic;
using Crew.Gateway.Dialects.OpenAi;
using Crew.Gateway.Forwarding;
using Crew.Gateway.Metering;
using Shouldly;
using Xunit;

namespace Crew.Gateway.Tests.Dialects;

/// <summary>A stream that the gateway cuts at the output it pays for ends as its provider would have ended it.</summary>
public sealed class CapEndingTests
{
    private static readonly TokenCounts Charged = new(9, 1, 0, 3, 0);

    [Fact]
    public void A_cut_completion_finishes_every_choice_by_length_and_says_what_was_charged()
    {
        var ending = ChatEnding(new ChatChunkReader(clientWantsUsage: true, choices: 2),
            """{"id":"c-1","object":"chat.completion.chunk","created":17,"model":"m","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}""");
        ending.Count.ShouldBe(3);
        var finish = JsonNode.Parse(ending[0])!;
        finish["id"]!.GetValue<string>().ShouldBe("c-1");
        finish["created"]!.GetValue<int>().ShouldBe(17);
        finish["choices"]!.AsArray().Select(c => c!["finish_reason"]!.GetValue<string>()).ShouldBe(["length", "length"]);
        var usage = JsonNode.Parse(ending[1])!;
        usage["choices"]!.AsArray().ShouldBeEmpty();
        usage["usage"]!["prompt_tokens"]!.GetValue<int>().ShouldBe(10);
        usage["usage"]!["total_tokens"]!.GetValue<int>().ShouldBe(13);
        ending[2].ShouldBe("[DONE]");
    }

    [Fact]
    public void A_cut_completion_has_a_usage_chunk_only_where_the_client_asked_for_one()
    {
        ChatEnding(new ChatChunkReader(clientWantsUsage: false), "not json").ShouldBe(
            ["""{"choices":[{"index":0,"delta":{},"finish_reason":"length"}]}""", "[DONE]"]);
    }

    [Fact]
    public void A_cut_message_closes_its_block_and_stops_by_max_tokens()
    {
        var reader = new MessageEventReader();
        foreach (var data in new[]
        {
            """{"type":"message_start","message":{"usage":{"input_tokens":9,"output_tokens":1}}}""",
            """{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}""",
            """{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"abc"}}""",
        })
        {
            reader.Read(Encoding.UTF8.GetBytes(data), isErrorEvent: false).ShouldBe(FrameFate.Pass);
        }

        reader.InputSoFar.ShouldBe(new TokenCounts(9, 0, 0, 0, 0));
        reader.Usage.ShouldBe(null);
        reader.TextBytes.ShouldBe(3);
        var output = new ArrayBufferWriter<byte>();
        reader.WriteCapReached(output, Charged);
        Encoding.UTF8.GetString(output.WrittenSpan).ShouldBe(string.Concat(
            "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":1}\n\n",
            "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"max_tokens\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":3}}\n\n",
            "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"));
    }

    [Fact]
    public void A_cut_response_is_incomplete_by_its_output_cap()
    {
        var reader = new ResponseEventReader();
        reader.Read("""{"type":"response.created","sequence_number":0,"response":{"id":"resp_1","created_at":17,"model":"m"}}"""u8, isErrorEvent: false)
            .ShouldBe(FrameFate.Pass);
        reader.Read("""{"type":"response.output_text.delta","sequence_number":4,"delta":"a.delta"}"""u8, isErrorEvent: false).ShouldBe(FrameFate.Pass);
        reader.TextBytes.ShouldBe(7);
        var output = new ArrayBufferWriter<byte>();
        reader.WriteCapReached(output, Charged);
        var frame = Encoding.UTF8.GetString(output.WrittenSpan);
        frame.ShouldStartWith("event: response.incomplete\ndata: ");
        var data = JsonNode.Parse(frame["event: response.incomplete\ndata: ".Length..])!;
        data["sequence_number"]!.GetValue<int>().ShouldBe(5);
        data["response"]!["id"]!.GetValue<string>().ShouldBe("resp_1");
        data["response"]!["incomplete_details"]!["reason"]!.GetValue<string>().ShouldBe("max_output_tokens");
        data["response"]!["usage"]!["total_tokens"]!.GetValue<int>().ShouldBe(13);
    }

    private static List<string> ChatEnding(EventReader reader, string first)
    {
        reader.Read(Encoding.UTF8.GetBytes(first), isErrorEvent: false);
        var output = new ArrayBufferWriter<byte>();
        reader.WriteCapReached(output, Charged);
        reader.IsDone.ShouldBeTrue();
        return [.. Encoding.UTF8.GetString(output.WrittenSpan).Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Select(frame => frame["data: ".Length..])];
    }
}
