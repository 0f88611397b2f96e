using System.Text;
using Crew.Gateway.Dialects;
using Crew.Kernel;
using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using Xunit;

namespace Crew.Gateway.Tests.Dialects;

public sealed class RequestScanTests
{
    private const string Canary = "canary-7f3a";

    private static InferenceRequest Ok(string body)
    {
        var outcome = RequestScan.Read(Bytes.Whole(body), Operation.ChatCompletions);
        outcome.Fault.ShouldBeNull();
        return outcome.Value;
    }

    private static Fault Refused(string body) => Refused(Encoding.UTF8.GetBytes(body));

    private static Fault Refused(byte[] body)
    {
        var fault = RequestScan.Read(Bytes.Whole(body), Operation.ChatCompletions).Fault.ShouldNotBeNull();
        fault.Status.ShouldBe(400);
        fault.Message.ShouldNotContain(Canary);
        foreach (var size in new[] { 1, 2, 3, 7 })
        {
            RequestScan.Read(Bytes.Cut(body.Length == 0 ? [0x20] : body, size), Operation.ChatCompletions).Fault.ShouldNotBeNull();
        }

        return fault;
    }

    [Fact]
    public void A_request_is_read_with_the_place_of_every_governed_field()
    {
        const string Body = """
            { "model" : "gpt-4o", "stream":true, "stream_options":{"include_obfuscation":false,"include_usage":false},
              "max_tokens":7,"max_completion_tokens":7,"n":3,"store":true,"messages":[{"role":"user","content":"hi"}] }
            """;
        var request = Ok(Body);
        request.Model.ShouldBe("gpt-4o");
        Body.Substring(request.ModelAt.Start, request.ModelAt.Length).ShouldBe("\"gpt-4o\"");
        request.Stream.ShouldBeTrue();
        request.WantsUsage.ShouldBeFalse();
        var options = request.StreamOptions!.Value;
        Body.Substring(options.At.Start, options.At.Length).ShouldBe("""{"include_obfuscation":false,"include_usage":false}""");
        Body.Substring(options.IncludeUsage!.Value.At.Start, options.IncludeUsage.Value.At.Length).ShouldBe("false");
        request.OutputCap.ShouldBe(7);
        Body.Substring(request.MaxTokens!.Value.At.Start, 1).ShouldBe("7");
        request.Choices.ShouldBe(3);
        request.Store!.Value.Value.ShouldBe(true);
        request.CostIsBoundable.ShouldBeTrue();
        request.BodyBytes.ShouldBe(Body.Length);
    }

    [Fact]
    public void The_same_is_found_however_the_body_is_cut_into_segments()
    {
        var body = Encoding.UTF8.GetBytes(
            """{"messages":[{"content":"žluť 🐎 \ud83d\udc0e","role":"user"}],"mod\u0065l":"a\u0062c","n":2,"max_tokens":19}""");
        var whole = RequestScan.Read(Bytes.Whole(body), Operation.ChatCompletions).Value;
        for (var size = 1; size < body.Length; size++)
        {
            RequestScan.Read(Bytes.Cut(body, size), Operation.ChatCompletions).Value.ShouldBe(whole);
        }
    }

    [Fact]
    public void Fields_called_model_further_down_are_not_taken_for_the_model()
    {
        var request = Ok("""{"metadata":{"model":"x","stream":true},"messages":[{"model":"y","n":3}],"model":"z"}""");
        request.Model.ShouldBe("z");
        request.Stream.ShouldBeFalse();
        request.Choices.ShouldBe(1);
    }

    [Fact]
    public void Nulls_are_read_as_absent()
    {
        var request = Ok(
            """{"model":"m","stream":null,"max_tokens":null,"max_completion_tokens":5,"n":null,"stream_options":null,"store":null}""");
        request.Stream.ShouldBeFalse();
        request.OutputCap.ShouldBe(5);
        request.Choices.ShouldBe(1);
        request.StreamOptions!.Value.IsNull.ShouldBeTrue();
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("{\"model\":\"m\"")]
    [InlineData("{\"model\":\"m\"}}")]
    [InlineData("{\"model\":\"m\"} {}")]
    [InlineData("{\"model\":\"m\",}")]
    [InlineData("{\"model\":\"m\" \"canary-7f3a\"}")]
    [InlineData("{model:\"m\"}")]
    [InlineData("{\"model\":'m'}")]
    [InlineData("{\"model\":\"m\"/*c*/}")]
    [InlineData("{\"x\":\"\u0000\",\"model\":\"m\"}")]
    [InlineData("{\"x\":\"\\q\",\"model\":\"m\"}")]
    [InlineData("{\"x\":\"\\u12\",\"model\":\"m\"}")]
    [InlineData("{\"x\":01,\"model\":\"m\"}")]
    [InlineData("{\"x\":NaN,\"model\":\"m\"}")]
    [InlineData("[\"canary-7f3a\"]")]
    [InlineData("\"canary-7f3a\"")]
    [InlineData("42")]
    [InlineData("null")]
    [InlineData("canary-7f3a")]
    [InlineData("\uFEFF{\"model\":\"m\"}")]
    public void What_is_not_one_JSON_object_is_refused(string body) => Refused(body).Code.ShouldBe("invalid_json");

    [Theory]
    [InlineData("{}", "model")]
    [InlineData("{\"model\":null}", "model")]
    [InlineData("{\"model\":7}", "model")]
    [InlineData("{\"model\":\"\"}", "model")]
    [InlineData("{\"model\":[\"canary-7f3a\"]}", "model")]
    [InlineData("{\"model\":\"\\u0000\"}", "model")]
    [InlineData("{\"model\":\"\\ud800\"}", "model")]
    [InlineData("{\"model\":\"\\udc00x\"}", "model")]
    [InlineData("{\"model\":\"m\",\"stream\":\"canary-7f3a\"}", "stream")]
    [InlineData("{\"model\":\"m\",\"stream\":1}", "stream")]
    [InlineData("{\"model\":\"m\",\"store\":{}}", "store")]
    [InlineData("{\"model\":\"m\",\"n\":0}", "n")]
    [InlineData("{\"model\":\"m\",\"n\":129}", "n")]
    [InlineData("{\"model\":\"m\",\"n\":1.0}", "n")]
    [InlineData("{\"model\":\"m\",\"n\":\"2\"}", "n")]
    [InlineData("{\"model\":\"m\",\"max_tokens\":0}", "max_tokens")]
    [InlineData("{\"model\":\"m\",\"max_tokens\":-5}", "max_tokens")]
    [InlineData("{\"model\":\"m\",\"max_tokens\":1e3}", "max_tokens")]
    [InlineData("{\"model\":\"m\",\"max_tokens\":2147483648}", "max_tokens")]
    [InlineData("{\"model\":\"m\",\"max_tokens\":99999999999999999999999999}", "max_tokens")]
    [InlineData("{\"model\":\"m\",\"max_completion_tokens\":[]}", "max_completion_tokens")]
    [InlineData("{\"model\":\"m\",\"max_tokens\":5,\"max_completion_tokens\":6}", "max_tokens")]
    [InlineData("{\"model\":\"m\",\"stream_options\":true}", "stream_options")]
    [InlineData("{\"model\":\"m\",\"stream_options\":{\"include_usage\":1}}", "stream_options.include_usage")]
    [InlineData("{\"Model\":\"m\"}", "model")]
    [InlineData("{\"model\":\"m\",\"max_to\u212Aens\":5}", "max_tokens")]
    [InlineData("{\"model\":\"m\",\"\u017Ftream\":true}", "stream")]
    [InlineData("{\"model\":\"m\",\"\\u004eE\":1,\"\\u004e\":1}", "n")]
    public void A_governed_field_with_a_wrong_value_is_refused_by_name(string body, string field)
    {
        var fault = Refused(body);
        fault.Code.ShouldBe("invalid_request");
        fault.Details!["field"].ShouldBe(field);
    }

    [Theory]
    [InlineData("model", "\"m\"")]
    [InlineData("stream", "true")]
    [InlineData("max_tokens", "5")]
    [InlineData("max_completion_tokens", "5")]
    [InlineData("n", "1")]
    [InlineData("stream_options", "{}")]
    [InlineData("store", "false")]
    [InlineData("best_of", "1")]
    [InlineData("service_tier", "\"flex\"")]
    public void A_governed_field_is_refused_the_second_time_also_when_escaped(string field, string value)
    {
        var escaped = $"\\u{(int)field[0]:x4}{field[1..]}";
        foreach (var second in new[] { field, escaped })
        {
            var fault = Refused($$"""{"{{field}}":{{value}},"other":{"{{field}}":{{value}}},"{{second}}":{{value}},"model2":"m"}""");
            fault.Code.ShouldBe("repeated_field");
            fault.Details!["field"].ShouldBe(field);
        }
    }

    [Fact]
    public void Include_usage_is_refused_the_second_time() =>
        Refused("""{"model":"m","stream_options":{"include_usage":false,"include_us\u0061ge":true}}""").Code.ShouldBe("repeated_field");

    [Theory]
    [InlineData("[", "]")]
    [InlineData("{\"a\":", "}")]
    public void Ten_thousand_levels_are_refused_wherever_they_stand(string open, string close)
    {
        var deep = string.Concat(Enumerable.Repeat(open, 10_000)) + "1" + string.Concat(Enumerable.Repeat(close, 10_000));
        foreach (var body in new[]
        {
            deep, $$"""{"x":{{deep}},"model":"m"}""", $$"""{"model":"m","messages":[{{deep}}]}""",
            "{\"model\":\"m\",\"messages\":[{\"content\":[{\"type\":" + deep + "}]}]}",
            "{\"model\":\"m\",\"stream_options\":{\"x\":" + deep + "}}", $$"""{"model":"m","modalities":{{deep}}}""",
        })
        {
            Refused(body).Code.ShouldBe("invalid_json");
        }
    }

    [Fact]
    public void Two_hundred_levels_pass()
    {
        var deep = new string('[', 200) + new string(']', 200);
        Ok($$"""{"model":"m","messages":[{"x":{{deep}}}],"tools":{{deep}}}""").Model.ShouldBe("m");
    }

    [Theory]
    [InlineData(new byte[] { 0xC3, 0x28 })]
    [InlineData(new byte[] { 0xFF })]
    [InlineData(new byte[] { 0xED, 0xA0, 0x80 })]
    [InlineData(new byte[] { 0xF0, 0x9F })]
    [InlineData(new byte[] { 0xC0, 0xAF })]
    public void Broken_UTF8_is_refused_at_its_offset(byte[] broken)
    {
        byte[] body = [.. "{\"x\":\"ž"u8, .. broken, .. "\",\"model\":\"m\"}"u8];
        for (var size = 1; size <= body.Length; size++)
        {
            var fault = RequestScan.Read(Bytes.Cut(body, size), Operation.ChatCompletions).Fault.ShouldNotBeNull();
            fault.Code.ShouldBe("invalid_json");
            fault.Details!["offset"].ShouldBe(8L);
        }
    }

    [Fact]
    public void Escaped_nulls_and_half_pairs_in_ungoverned_places_are_the_providers_business()
    {
        Ok("""{"\ud800":"\u0000","model":"m","messages":[{"role":"user","content":"\udc00\u0000","\ud800":1}]}""").Model.ShouldBe("m");
    }

    [Theory]
    [InlineData("""[{"role":"user","content":[{"type":"text","text":"a"}]}]""", true)]
    [InlineData("""[{"role":"assistant","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]}]""", true)]
    [InlineData("""[{"role":"assistant","content":"x","audio":null}]""", true)]
    [InlineData("""[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x.example/a.png"}}]}]""", false)]
    [InlineData("""[{"role":"user","content":[{"type":"im\u0061ge_url"}]}]""", false)]
    [InlineData("""[{"role":"user","content":[{"file":{"file_id":"file-1"}}]}]""", false)]
    [InlineData("""[{"role":"user","content":[{"type":"text","text":"a","image_url":{"url":"u"}}]}]""", false)]
    [InlineData("""[{"role":"user","content":[{"image_embeds":"e"}]}]""", false)]
    [InlineData("""[{"role":"assistant","audio":{"id":"audio_1"}}]""", false)]
    [InlineData("""[{"role":"user","content":[{"type":["input_audio"]}]}]""", false)]
    public void Messages_whose_tokens_the_body_does_not_bound_are_known(string messages, bool boundable) =>
        Ok($$"""{"model":"m","messages":{{messages}}}""").CostIsBoundable.ShouldBe(boundable);

    [Theory]
    [InlineData("\"tools\":[]", RequestFeatures.Tools)]
    [InlineData("\"modalities\":[\"text\"]", RequestFeatures.None)]
    [InlineData("\"modalities\":[\"text\",\"audio\"]", RequestFeatures.AudioOutput)]
    [InlineData("\"audio\":{\"voice\":\"v\"}", RequestFeatures.AudioOutput)]
    [InlineData("\"web_search_options\":{}", RequestFeatures.WebSearch)]
    [InlineData("\"prediction\":{}", RequestFeatures.Prediction)]
    [InlineData("\"prediction\":null", RequestFeatures.None)]
    [InlineData("\"service_tier\":\"priority\"", RequestFeatures.NamedTier)]
    [InlineData("\"service_tier\":\"default\"", RequestFeatures.None)]
    [InlineData("\"tools\":null", RequestFeatures.None)]
    [InlineData("\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"type\":\"x\"}},{\"type\":\"custom\"}]", RequestFeatures.Tools)]
    [InlineData("\"tools\":[{\"type\":\"web_search\"}]", RequestFeatures.Tools | RequestFeatures.HostedTools)]
    [InlineData("\"tools\":[{\"type\":\"function\"},{\"google_search\":{}}]", RequestFeatures.Tools | RequestFeatures.HostedTools)]
    [InlineData("\"tools\":[{\"google_search\":{}},{\"type\":\"function\"}]", RequestFeatures.Tools | RequestFeatures.HostedTools)]
    [InlineData("\"tools\":[{\"type\":\"function\",\"typ\\u0065\":\"web_search\"}]", RequestFeatures.Tools | RequestFeatures.HostedTools)]
    [InlineData("\"tools\":[{\"type\":\"web_search\",\"type\":\"function\"}]", RequestFeatures.Tools | RequestFeatures.HostedTools)]
    [InlineData("\"tools\":[{\"type\":[\"function\"]}]", RequestFeatures.Tools | RequestFeatures.HostedTools)]
    [InlineData("\"plugins\":[{\"id\":\"web\"}]", RequestFeatures.HostedTools)]
    [InlineData("\"search_parameters\":{\"mode\":\"on\"}", RequestFeatures.HostedTools)]
    [InlineData("\"enable_search\":true", RequestFeatures.HostedTools)]
    [InlineData("\"enable_search\":false", RequestFeatures.None)]
    [InlineData("\"data_sources\":[{}]", RequestFeatures.HostedTools)]
    [InlineData("\"models\":null", RequestFeatures.None)]
    public void Features_with_a_price_of_their_own_are_seen(string member, object expected) =>
        Ok($$"""{"model":"m",{{member}},"z":1}""").Features.ShouldBe((RequestFeatures)expected);

    [Theory]
    [InlineData("models")]
    [InlineData("fallbacks")]
    public void A_body_that_names_further_models_is_refused(string field) =>
        Refused($$"""{"model":"m","{{field}}":["dear-{{Canary}}"]}""").Details!["field"].ShouldBe(field);

    [Fact]
    public void A_million_odd_names_cost_no_exceptions()
    {
        var body = Encoding.UTF8.GetBytes("{" + string.Concat(Enumerable.Repeat("\"\\ud800\":1,", 300_000)) + "\"model\":\"m\"}");
        var clock = TimeProvider.System;
        var begun = clock.GetTimestamp();
        RequestScan.Read(Bytes.Whole(body), Operation.ChatCompletions).Value.Model.ShouldBe("m");
        clock.GetElapsedTime(begun).ShouldBeLessThan(TimeSpan.FromSeconds(2));
    }

    [Fact]
    public void Random_and_damaged_bytes_give_a_request_or_a_fault()
    {
        var sample = Encoding.UTF8.GetBytes(
            """{"model":"m","stream":true,"stream_options":{"include_usage":true},"n":1,"messages":[{"content":[{"type":"text"}]}]}""");
        Prop.ForAll(ArbMap.Default.ArbFor<byte[]>(), ArbMap.Default.ArbFor<int>(), (noise, place) =>
        {
            var at = Math.Abs(place % sample.Length);
            foreach (var body in new[] { noise, [.. sample[..at], .. noise, .. sample[at..]], sample[..at] })
            {
                var outcome = RequestScan.Read(Bytes.Whole(body), Operation.ChatCompletions);
                (outcome.Fault is { Status: 400 } || outcome.Value.Model.Length > 0).ShouldBeTrue();
            }
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(2_000));
    }
}
