using System.Numerics;
using System.Security.Cryptography;
using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace Crew.Sealing.Tests;

public sealed class EncodingTests
{
    [Fact]
    public void Crc32_has_the_check_value_of_ISO_HDLC()
    {
        Crc32.Of("123456789"u8).ShouldBe(0xCBF43926u);
        Crc32.Of("123456789").ShouldBe(0xCBF43926u);
        Crc32.Of(new string('a', 300)).ShouldBe(Crc32.Of(Encoding.ASCII.GetBytes(new string('a', 300)).AsSpan()));
        Crc32.Of(""u8).ShouldBe(0u);
        Crc32.Of("The quick brown fox jumps over the lazy dog"u8).ShouldBe(0x414FA339u);
    }

    [Fact]
    public void Crc32_equals_the_bit_by_bit_definition_at_every_length() => Prop.ForAll<byte[]>(bytes =>
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) == 0 ? crc >> 1 : (crc >> 1) ^ 0xEDB88320u;
            }
        }

        return Crc32.Of(bytes) == ~crc;
    }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000", "0000000000000000000000000000000000000000000")]
    [InlineData("000000000000000000000000000000000000000000000000000000000000003d", "000000000000000000000000000000000000000000z")]
    [InlineData("000000000000000000000000000000000000000000000000000000000000003e", "0000000000000000000000000000000000000000010")]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000f04", "0000000000000000000000000000000000000000100")]
    public void Base62_vectors(string hex, string text) => Base62.Encode(Convert.FromHexString(hex)).ShouldBe(text);

    [Fact]
    public void Base62_equals_big_integer_arithmetic_and_reads_back()
    {
        Span<byte> back = stackalloc byte[32];
        for (var round = 0; round < 2000; round++)
        {
            var bytes = RandomNumberGenerator.GetBytes(32);
            bytes.AsSpan(0, round % 32).Clear();
            var number = new BigInteger(bytes, isUnsigned: true, isBigEndian: true);
            var expected = new StringBuilder();
            for (var digit = 0; digit < 43; digit++)
            {
                expected.Insert(0, Base62.Alphabet[(int)(number % 62)]);
                number /= 62;
            }

            var text = Base62.Encode(bytes);
            text.ShouldBe(expected.ToString());
            Base62.TryDecode(text, back).ShouldBeTrue();
            back.SequenceEqual(bytes).ShouldBeTrue();
        }
    }

    [Fact]
    public void Base62_of_the_largest_number_is_the_largest_text_that_reads_back()
    {
        var bytes = new byte[32];
        bytes.AsSpan().Fill(0xFF);
        var text = Base62.Encode(bytes);
        var back = new byte[32];
        Base62.TryDecode(text, back).ShouldBeTrue();
        back.ShouldBe(bytes);
        var next = text.ToCharArray();
        next[^1] = Base62.Alphabet[Base62.Alphabet.IndexOf(next[^1], StringComparison.Ordinal) + 1];
        Base62.TryDecode(next, back).ShouldBeFalse();
        Base62.TryDecode(new string('z', 43), back).ShouldBeFalse();
        Base62.TryDecode(new string('0', 42), back).ShouldBeFalse();
        Base62.TryDecode(new string('0', 42) + "-", back).ShouldBeFalse();
    }

    [Fact]
    public void Base62_of_a_32_bit_number_has_six_characters()
    {
        Span<char> text = stackalloc char[Base62.UInt32Length];
        Base62.Encode(uint.MaxValue, text);
        text.ToString().ShouldBe("4gfFC3");
        Base62.Encode(0, text);
        text.ToString().ShouldBe("000000");
        Base62.IsValid("4gfFC3").ShouldBeTrue();
        Base62.IsValid("4gfF-3").ShouldBeFalse();
    }

    [Fact]
    [Trait("Trap", "17")]
    public void Constant_time_comparison_compares()
    {
        ConstantTime.Equals("abc"u8, "abc"u8).ShouldBeTrue();
        ConstantTime.Equals("abc"u8, "abd"u8).ShouldBeFalse();
        ConstantTime.Equals("abc", "ab").ShouldBeFalse();
        ConstantTime.Equals("abc".AsSpan(), "abc".AsSpan()).ShouldBeTrue();
    }

    [Fact]
    [Trait("Trap", "17")]
    public void A_fingerprint_is_the_first_half_of_the_keyed_hash_of_the_hash()
    {
        var pepper = RandomNumberGenerator.GetBytes(32);
        var mac = HMACSHA256.HashData(pepper, SHA256.HashData("crew_sk_live_x"u8));
        var expected = UInt128.Parse(Convert.ToHexString(mac.AsSpan(0, 16)), System.Globalization.NumberStyles.HexNumber, null);
        Fingerprint.Of(pepper, "crew_sk_live_x"u8).ShouldBe(expected);
        Fingerprint.Of(pepper, "crew_sk_live_x".AsSpan()).ShouldBe(expected);
        Fingerprint.OfHash(pepper, SHA256.HashData("crew_sk_live_x"u8)).ShouldBe(expected);
        var longText = new string('ä', 500);
        Fingerprint.Of(pepper, longText.AsSpan()).ShouldBe(Fingerprint.Of(pepper, Encoding.UTF8.GetBytes(longText).AsSpan()));
    }

    [Fact]
    public void A_fingerprint_and_a_checksum_allocate_nothing()
    {
        var pepper = new byte[32];
        var key = new string('k', 60);
        Measure();
        var before = GC.GetAllocatedBytesForCurrentThread();
        Measure();
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);

        void Measure()
        {
            Span<char> text = stackalloc char[43];
            for (var round = 0; round < 100; round++)
            {
                _ = Fingerprint.Of(pepper, key.AsSpan());
                _ = Crc32.Of(key.AsSpan());
                Base62.Encode(pepper, text);
            }
        }
    }
}
