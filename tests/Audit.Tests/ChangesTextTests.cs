using System.Text.Json;
using Crew.Kernel;
using Crew.Sealing;

namespace Crew.Audit.Tests;

public sealed class ChangesTextTests
{
    [Fact]
    public void Every_kind_of_value_has_one_canonical_text()
    {
        var text = ChangesText.Of(
        [
            new("flag", false, true), new("count", (short)3, 9_007_199_254_740_993), new("rate", 0.1, double.NaN),
            new("at", null, DateTimeOffset.UnixEpoch), new("kind", KeyKind.Master, KeyKind.Service),
            new("list", Array.Empty<string>(), new[] { "b", "a" }), new("map", null, new Dictionary<string, object?> { ["z"] = 1, ["a"] = null }),
            new("json", JsonElement.Parse("""{"b":1.0,"a":[]}"""), null), new("amount", null, new NanoUsd(1_500_000_000)),
        ])!;
        var canonical = CanonicalJson.Of(System.Text.Encoding.UTF8.GetBytes(text));
        canonical.Fault.ShouldBeNull();
        System.Text.Encoding.UTF8.GetString(canonical.Value).ShouldBe(text);
        text.ShouldContain("""{"field":"count","from":3,"to":"9007199254740993"}""");
        text.ShouldContain("""{"field":"kind","from":"master","to":"service"}""");
        text.ShouldContain("""{"field":"map","from":null,"to":{"a":null,"z":1}}""");
        text.ShouldContain("""{"field":"json","from":{"a":[],"b":1},"to":null}""");
        text.ShouldContain("1.500000000");
    }

    [Fact]
    public void Secrets_and_content_stay_out() =>
        ChangesText.Of([new("token", new SecretText("crew_sk_live_canary0000"), new Content("canary"u8.ToArray()))])
            .ShouldBe("""[{"field":"token","from":"(secret)","to":"(content)"}]""");

    [Fact]
    public void Long_text_stands_as_hash_and_length()
    {
        var text = ChangesText.Of([new("instructions", null, new string('x', 5_000))])!;
        text.ShouldContain("\"length\":5000");
        text.Length.ShouldBeLessThan(200);
    }

    [Fact]
    public void Nothing_changed_is_no_text() => ChangesText.Of([]).ShouldBeNull();

    [Fact]
    public void The_time_of_a_record_can_be_read_from_its_id()
    {
        var at = new DateTimeOffset(2026, 11, 22, 13, 0, 0, 123, TimeSpan.Zero);
        RecordId.TryReadTime(Id.New(IdPrefix.AuditRecord, at), out var milliseconds).ShouldBeTrue();
        milliseconds.ShouldBe(at.ToUnixTimeMilliseconds());
        RecordId.TryReadTime("log_x", out _).ShouldBeFalse();
        RecordId.TryReadTime(null, out _).ShouldBeFalse();
    }
}
