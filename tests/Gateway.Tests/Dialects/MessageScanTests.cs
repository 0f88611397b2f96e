using Crew.Gateway.Dialects;
using Shouldly;
using Xunit;

namespace Crew.Gateway.Tests.Dialects;

/// <summary>What is read of a request of the Anthropic dialect.</summary>
public sealed class MessageScanTests
{
    private static InferenceRequest Read(string more) =>
        RequestScan.Read(Bytes.Whole($$"""{"model":"c","max_tokens":9{{more}}}"""), Operation.Messages).Value;

    private static string Content(string part) => $$""","messages":[{"role":"user","content":[{{part}}]}]""";

    [Fact]
    public void Text_tools_and_their_results_are_bounded_by_the_body()
    {
        Read(Content("""{"type":"text","text":"a"},{"type":"tool_use","id":"t","name":"f","input":{"a":{"type":"image"}}}""")).CostIsBoundable.ShouldBeTrue();
        Read(Content("""{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"x"}]}""")).CostIsBoundable.ShouldBeTrue();
        Read(Content("""{"type":"thinking","thinking":"x","signature":"s"}""")).CostIsBoundable.ShouldBeTrue();
        Read(""","tools":[{"name":"f","input_schema":{"type":"object"}},{"type":"custom","name":"g"}]""").Features.ShouldBe(RequestFeatures.Tools);
    }

    [Theory]
    [InlineData("""{"type":"document","source":{"type":"base64","data":"x"}}""")]
    [InlineData("""{"type":"something_new"}""")]
    public void Files_are_not(string part) => Read(Content(part)).Features.ShouldBe(RequestFeatures.MediaInput);

    [Theory]
    [InlineData("""{"type":"image","source":{"type":"url","url":"https://x"}}""", 1)]
    [InlineData("""{"source":{"type":"base64","media_type":"image/png","data":"AAAA"},"type":"image"},{"type":"text","text":"a"},{"type":"image","source":{}}""", 2)]
    [InlineData("""{"type":"tool_result","tool_use_id":"t","content":[{"type":"image","source":{}},{"type":"image","source":{}}]}""", 2)]
    public void Images_are_counted_and_bounded_by_what_the_model_makes_of_one(string parts, int images)
    {
        var read = Read(Content(parts));
        read.Features.ShouldBe(RequestFeatures.ImageInput);
        read.CostIsBoundable.ShouldBeFalse("only the model says how many tokens an image is");
        read.Images.ShouldBe(images);
        read.ImageBytes.ShouldBeGreaterThan(0);
    }

    [Theory]
    [InlineData(""","system":[{"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"1h"}}]""", true)]
    [InlineData(""","cache_control":{"ttl":"1\u0068"}""", true)]
    [InlineData(""","messages":[{"content":[{"type":"text","text":"a","cache_control":{"tt\u006c":"1h"}}]}]""", true)]
    [InlineData(""","tools":[{"name":"f","cache_control":{"ttl":"1h"}}]""", true)]
    [InlineData(""","system":[{"type":"text","text":"\"ttl\":\"1h\"","cache_control":{"type":"ephemeral","ttl":"5m"}}]""", false)]
    public void A_cache_that_keeps_for_an_hour_is_seen_wherever_it_is_asked_for(string more, bool isLong)
    {
        Read(more).Features.HasFlag(RequestFeatures.LongCache).ShouldBe(isLong);
        Read(more).CostIsBoundable.ShouldBeTrue();
    }

    [Fact]
    public void The_thinking_budget_bounds_the_cap_from_below()
    {
        Read(""","thinking":{"type":"enabled","budget_tokens":1024}""").LeastOutputCap.ShouldBe(1_025);
        Read(""","thinking":{"type":"adaptive"}""").LeastOutputCap.ShouldBe(0);
        RequestScan.Read(Bytes.Whole("""{"model":"c","thinking":{"budget_tokens":"x"}}"""), Operation.Messages).Fault!.Details!["field"].ShouldBe("thinking.budget_tokens");
    }

    [Fact]
    public void Edits_of_the_context_that_only_clear_are_bounded()
    {
        Read(""","context_management":{"edits":[{"type":"clear_tool_uses_20250919","trigger":{"type":"input_tokens","value":1}}]}""").CostIsBoundable.ShouldBeTrue();
        Read(""","context_management":{"edits":[{"type":"compact_20260112"}]}""").CostIsBoundable.ShouldBeFalse();
    }
}
