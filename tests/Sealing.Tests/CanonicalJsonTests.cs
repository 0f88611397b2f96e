using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;

namespace Crew.Sealing.Tests;

public sealed class CanonicalJsonTests
{
    [Fact]
    public void The_example_of_RFC_8785_section_3_2_2_holds() => Canonical("""
        {
          "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
          "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
          "literals": [null, true, false]
        }
        """).ShouldBe(
        """{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}""");

    [Fact]
    public void The_sorting_example_of_RFC_8785_section_3_2_3_holds() => Canonical("""
        {"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One",
         "\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}
        """).ShouldBe("{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\","
            + "\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\ufb33\":\"Hebrew Letter Dalet With Dagesh\"}");

    /// <summary>RFC 8785 appendix B, and its integers read back.</summary>
    [Theory]
    [InlineData("0000000000000000", "0")]
    [InlineData("8000000000000000", "0")]
    [InlineData("0000000000000001", "5e-324")]
    [InlineData("8000000000000001", "-5e-324")]
    [InlineData("7fefffffffffffff", "1.7976931348623157e+308")]
    [InlineData("ffefffffffffffff", "-1.7976931348623157e+308")]
    [InlineData("4340000000000000", "9007199254740992")]
    [InlineData("c340000000000000", "-9007199254740992")]
    [InlineData("4430000000000000", "295147905179352830000")]
    [InlineData("44b52d02c7e14af5", "9.999999999999997e+22")]
    [InlineData("44b52d02c7e14af6", "1e+23")]
    [InlineData("44b52d02c7e14af7", "1.0000000000000001e+23")]
    [InlineData("444b1ae4d6e2ef4e", "999999999999999700000")]
    [InlineData("444b1ae4d6e2ef4f", "999999999999999900000")]
    [InlineData("444b1ae4d6e2ef50", "1e+21")]
    [InlineData("3eb0c6f7a0b5ed8c", "9.999999999999997e-7")]
    [InlineData("3eb0c6f7a0b5ed8d", "0.000001")]
    [InlineData("41b3de4355555553", "333333333.3333332")]
    [InlineData("41b3de4355555554", "333333333.33333325")]
    [InlineData("41b3de4355555555", "333333333.3333333")]
    [InlineData("41b3de4355555556", "333333333.3333334")]
    [InlineData("41b3de4355555557", "333333333.33333343")]
    [InlineData("becbf647612f3696", "-0.0000033333333333333333")]
    [InlineData("43143ff3c1cb0959", "1424953923781206.2")]
    public void Numbers_are_written_as_ECMAScript_does(string bits, string text)
    {
        var target = new ArrayBufferWriter<byte>();
        var value = BitConverter.UInt64BitsToDouble(ulong.Parse(bits, NumberStyles.HexNumber, CultureInfo.InvariantCulture));
        CanonicalJson.AppendNumber(target, value);
        Encoding.ASCII.GetString(target.WrittenSpan).ShouldBe(text);
        Canonical(text).ShouldBe(text);
    }

    [Fact]
    public void Every_double_reads_back_and_its_canonical_form_is_stable() => Prop.ForAll<DoNotSize<long>>(bits =>
    {
        var value = BitConverter.Int64BitsToDouble(bits.Item);
        if (!double.IsFinite(value))
        {
            return;
        }

        var target = new ArrayBufferWriter<byte>();
        CanonicalJson.AppendNumber(target, value);
        var text = Encoding.ASCII.GetString(target.WrittenSpan);
        double.Parse(text, CultureInfo.InvariantCulture).ShouldBe(value);
        Canonical(text).ShouldBe(text);
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(5000));

    [Fact]
    public void Any_text_survives_and_canonicalising_twice_changes_nothing() => Prop.ForAll<NonNull<string>>(text =>
    {
        var value = new string([.. text.Get.Where(character => !char.IsSurrogate(character))]);
        var canonical = Canonical(JsonSerializer.Serialize(value));
        JsonSerializer.Deserialize<string>(canonical).ShouldBe(value);
        Canonical(canonical).ShouldBe(canonical);
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(500));

    [Theory]
    [InlineData("""{"a":1,"a":1}""")]
    [InlineData("""{"a":1,"\u0061":2}""")]
    [InlineData("""["\ud800"]""")]
    [InlineData("""["\udc00\ud800"]""")]
    [InlineData("""{"\ud800":1}""")]
    [InlineData("1e400")]
    [InlineData("-1e400")]
    [InlineData("NaN")]
    [InlineData("Infinity")]
    [InlineData("9007199254740993")]
    [InlineData("123456789012345678901")]
    [InlineData("[1,]")]
    [InlineData("")]
    [InlineData("{} {}")]
    public void What_has_no_canonical_form_is_refused(string json) =>
        CanonicalJson.Of(Encoding.UTF8.GetBytes(json)).Fault!.Code.ShouldBe("not_canonical_json");

    [Fact]
    public void Broken_UTF8_and_deep_nesting_are_refused()
    {
        CanonicalJson.Of(new byte[] { (byte)'"', 0xC3, 0x28, (byte)'"' }).Fault.ShouldNotBeNull();
        CanonicalJson.Of(Encoding.UTF8.GetBytes(new string('[', 65) + new string(']', 65))).Fault.ShouldNotBeNull();
        Should.Throw<ArgumentOutOfRangeException>(() => CanonicalJson.AppendNumber(new ArrayBufferWriter<byte>(), double.NaN));
        Should.Throw<ArgumentOutOfRangeException>(() => CanonicalJson.AppendNumber(new ArrayBufferWriter<byte>(), 9007199254740993L));
        Should.Throw<EncoderFallbackException>(() => CanonicalJson.AppendString(new ArrayBufferWriter<byte>(), "\ud800"));
    }

    [Fact]
    public void A_reader_gives_one_value_out_of_a_longer_text()
    {
        var reader = new Utf8JsonReader("""{"leaf": {"b":1.0,"a":-0}, "rest": 1}"""u8);
        reader.Read();
        reader.Read();
        reader.Read();
        Encoding.UTF8.GetString(CanonicalJson.Of(ref reader).Value).ShouldBe("""{"a":0,"b":1}""");
    }

    [Fact]
    public void A_commitment_is_the_hash_of_salt_and_canonical_value()
    {
        var salt = Commitment.NewSalt();
        using var value = JsonDocument.Parse("""{"b":1.0,"a":"x"}""");
        var commitment = Commitment.Of(salt, value.RootElement).Value;
        commitment.ShouldBe(SHA256.HashData([.. salt, .. """{"a":"x","b":1}"""u8]));
        Commitment.Verify(commitment, salt, value.RootElement).ShouldBeTrue();
        Commitment.Verify(commitment, Commitment.NewSalt(), value.RootElement).ShouldBeFalse();
        Commitment.ToHex(commitment).Length.ShouldBe(64);
        Commitment.ToBase64Url(commitment).Length.ShouldBe(43);
        Commitment.Of(salt, "owner@example.com").ShouldBe(SHA256.HashData([.. salt, .. "\"owner@example.com\""u8]));
        Commitment.Of(salt, (string?)null).ShouldBe(SHA256.HashData([.. salt, .. "null"u8]));
        Should.Throw<ArgumentException>(() => Commitment.Of(new byte[15], "x"));
    }

    private static string Canonical(string json) => Encoding.UTF8.GetString(CanonicalJson.Of(Encoding.UTF8.GetBytes(json)).Value);
}
