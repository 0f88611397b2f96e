using Crew.Gateway.Dialects;
using Shouldly;
using Xunit;

namespace Crew.Gateway.Tests.Dialects;

/// <summary>What a body may hold that makes its size and its output cap no bound of its price.</summary>
public sealed class BoundScanTests
{
    private static InferenceRequest Read(Operation operation, string body)
    {
        var outcome = RequestScan.Read(Bytes.Whole(body), operation);
        outcome.Fault.ShouldBeNull();
        return outcome.Value;
    }

    /// <summary>The SDKs' type of a reference makes <c>type</c> optional; what stands under the id is the account's, and of any length.</summary>
    [Theory]
    [InlineData("""{"id":"rs_1"}""")]
    [InlineData("""{"type":null,"id":"rs_1"}""")]
    [InlineData("""{"type":"item_r\u0065ference","id":"rs_1"}""")]
    [InlineData("""{"Type":"item_reference","id":"rs_1"}""")]
    [InlineData("""{"role":"user","content":"a"},{"id":"rs_1","status":"completed"}""")]
    public void An_item_that_does_not_say_what_it_is_refers_to_one_that_is_stored(string items)
    {
        var fault = RequestScan.Read(Bytes.Whole($$"""{"model":"m","input":[{{items}}]}"""), Operation.Responses).Fault.ShouldNotBeNull();
        fault.Details!["field"].ShouldBe("input[].type");
    }

    [Theory]
    [InlineData("""{"role":"user","content":"a"}""")]
    [InlineData("""{"content":[{"type":"output_text","text":"a"}],"id":"msg_1","role":"assistant","type":"message"}""")]
    [InlineData("""{"type":"function_call","id":"fc_1","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"1"}""")]
    public void Items_of_a_conversation_are_bounded_by_their_text(string items) =>
        Read(Operation.Responses, $$"""{"model":"m","input":[{{items}}]}""").CostIsBoundable.ShouldBeTrue();

    [Theory]
    [InlineData("""[{"type":"compaction","compact_threshold":1000}]""")]
    [InlineData("""[{}]""")]
    [InlineData("""[[{"type":"clear_x"}]]""")]
    [InlineData("""{"type":"compaction"}""")]
    [InlineData("""[{"type":"clear_x"},{"compact_threshold":1}]""")]
    public void A_response_whose_context_the_provider_rewrites_has_no_bound(string management) =>
        Read(Operation.Responses, $$"""{"model":"m","input":"a","context_management":{{management}}}""").CostIsBoundable.ShouldBeFalse();

    [Theory]
    [InlineData("""{"edits":[{}]}""")]
    [InlineData("""{"edits":{"type":"compact_20260112"}}""")]
    [InlineData("""{"edits":[[{"type":"compact_20260112"}]]}""")]
    [InlineData("""[{"type":"compact_20260112"}]""")]
    [InlineData("""{"edits":[{"type":"clear_tool_uses_20250919"},{"type":1}]}""")]
    public void A_message_whose_context_the_provider_rewrites_has_no_bound(string management) =>
        Read(Operation.Messages, $$"""{"model":"m","max_tokens":9,"messages":[],"context_management":{{management}}}""").CostIsBoundable.ShouldBeFalse();

    /// <summary>Where a list is asked for, some readers take what stands there for a list of one.</summary>
    [Theory]
    [InlineData("""{"model":"m","messages":{"role":"user","content":[{"type":"image_url"}]}}""")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":{"type":"image_url","image_url":{"url":"https://x"}}}]}""")]
    [InlineData("""{"model":"m","tools":{"type":"web_search"}}""")]
    [InlineData("""{"model":"m","provider":{"order":["dear"]}}""")]
    [InlineData("""{"model":"m","preset":"dear"}""")]
    public void What_a_lenient_reader_takes_for_a_list_or_a_choice_has_no_bound(string body) =>
        Read(Operation.ChatCompletions, body).CostIsBoundable.ShouldBeFalse();

    [Theory]
    [InlineData("maxTokens", "max_tokens")]
    [InlineData("maxCompletionTokens", "max_completion_tokens")]
    [InlineData("streamOptions", "stream_options")]
    [InlineData("serviceTier", "service_tier")]
    [InlineData("BestOf", "best_of")]
    [InlineData("web\\u0053earchOptions", "web_search_options")]
    public void A_name_that_some_readers_take_for_a_governed_one_is_refused(string name, string governed) =>
        RequestScan.Read(Bytes.Whole($$"""{"model":"m","{{name}}":null}"""), Operation.ChatCompletions).Fault!.Details!["field"].ShouldBe(governed);

    [Theory]
    [InlineData(true, "null")]
    [InlineData(true, "[]")]
    [InlineData(false, """{"edits":[]}""")]
    [InlineData(false, """{"edits":[{"type":"clear_thinking_20251015","keep":{"type":"thinking_turns","value":1}},{"type":"clear_tool_uses_20250919"}]}""")]
    public void Clearing_old_parts_costs_nothing(bool isResponse, string management) =>
        Read(isResponse ? Operation.Responses : Operation.Messages, $$"""{"model":"m","max_tokens":9,"context_management":{{management}}}""").CostIsBoundable.ShouldBeTrue();
}
