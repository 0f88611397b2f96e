using System.Security.Cryptography;
using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace Crew.Sealing.Tests;

public sealed class EnvelopeTests
{
    private static readonly byte[] _key = RandomNumberGenerator.GetBytes(32);
    private static readonly byte[] _place = AssociatedData.Of("org_1/ws_1", "vault_secrets", "value", "sec_1", 7);

    [Fact]
    public void What_was_sealed_opens_again() => Prop.ForAll<byte[], byte[]>((plaintext, place) =>
    {
        var envelope = Envelope.Seal(_key, 7, plaintext, place);
        envelope.Length.ShouldBe(plaintext.Length + Envelope.OverheadBytes);
        Envelope.TryOpen(_key, envelope, place, out var opened).ShouldBeTrue();
        opened.ShouldBe(plaintext);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Associated_data_longer_than_the_stack_buffer_are_bound_too()
    {
        var place = new byte[5000];
        var envelope = Envelope.Seal(_key, 1, "x"u8, place);
        Envelope.TryOpen(_key, envelope, place, out _).ShouldBeTrue();
        place[^1] ^= 1;
        Envelope.TryOpen(_key, envelope, place, out _).ShouldBeFalse();
    }

    [Fact]
    public void Every_changed_byte_is_noticed_header_and_nonce_included()
    {
        var envelope = Envelope.Seal(_key, 7, Encoding.UTF8.GetBytes("a secret of some length"), _place);
        for (var at = 0; at < envelope.Length; at++)
        {
            for (var bit = 0; bit < 8; bit++)
            {
                var changed = envelope.ToArray();
                changed[at] ^= (byte)(1 << bit);
                Envelope.TryOpen(_key, changed, _place, out var opened).ShouldBeFalse($"byte {at}, bit {bit}");
                opened.ShouldBeNull();
            }
        }
    }

    [Fact]
    public void Every_truncation_and_an_extension_are_noticed()
    {
        var envelope = Envelope.Seal(_key, 7, "a secret"u8, _place);
        for (var length = 0; length < envelope.Length; length++)
        {
            Envelope.TryOpen(_key, envelope.AsSpan(0, length), _place, out _).ShouldBeFalse();
        }

        Envelope.TryOpen(_key, [.. envelope, 0], _place, out _).ShouldBeFalse();
    }

    [Fact]
    public void A_wrong_key_or_place_does_not_open()
    {
        var envelope = Envelope.Seal(_key, 7, "a secret"u8, _place);
        Envelope.TryOpen(RandomNumberGenerator.GetBytes(32), envelope, _place, out _).ShouldBeFalse();
        Envelope.TryOpen(_key, envelope, AssociatedData.Of("org_1/ws_1", "vault_secrets", "value", "sec_2", 7), out _).ShouldBeFalse();
        Envelope.TryOpen(_key, envelope, [], out _).ShouldBeFalse();
    }

    [Fact]
    public void The_key_version_is_read_from_the_header()
    {
        Envelope.TryReadKeyVersion(Envelope.Seal(_key, int.MaxValue, [], []), out var version).ShouldBeTrue();
        version.ShouldBe(int.MaxValue);
        Envelope.TryReadKeyVersion(new byte[10], out _).ShouldBeFalse();
        Should.Throw<ArgumentOutOfRangeException>(() => Envelope.Seal(_key, -1, [], []));
        Should.Throw<ArgumentException>(() => Envelope.Seal(new byte[16], 1, [], []));
    }

    [Fact]
    public void Two_envelopes_of_one_text_differ() =>
        Envelope.Seal(_key, 1, "same"u8, _place).ShouldNotBe(Envelope.Seal(_key, 1, "same"u8, _place));

    [Fact]
    [Trait("Trap", "18")]
    public void Two_places_never_give_the_same_associated_data()
    {
        AssociatedData.Of("a|b", "c", "d", "e", 1).ShouldNotBe(AssociatedData.Of("a", "b|c", "d", "e", 1));
        AssociatedData.Of("a\\", "b", "c", "d", 1).ShouldNotBe(AssociatedData.Of("a", "\\b", "c", "d", 1));
        AssociatedData.Of("a\\|b", "c", "d", "e", 1).ShouldNotBe(AssociatedData.Of("a|b", "c", "d", "e", 1));
        Encoding.UTF8.GetString(AssociatedData.Of("org_1", "t", "c", "r", 3)).ShouldBe("org_1|t|c|r|3");

        var field = Gen.ArrayOf(Gen.Elements('|', '\\', 'a', '1')).Select(static characters => new string(characters)).ToArbitrary();
        var place = Gen.ArrayOf(field.Generator, 4).ToArbitrary();
        Prop.ForAll(place, place, (one, other) =>
        {
            var same = one.SequenceEqual(other);
            var bytes = AssociatedData.Of(one[0], one[1], one[2], one[3], 1).AsSpan();
            return bytes.SequenceEqual(AssociatedData.Of(other[0], other[1], other[2], other[3], 1)) == same;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(2000));
    }

    /// <summary>Builds each 256-bit vector with a 96-bit nonce into an envelope by hand and lets the real code open it.</summary>
    [Fact]
    public void Wycheproof_vectors_of_AES_GCM_hold()
    {
        var (run, opened) = (0, 0);
        foreach (var (group, test) in Wycheproof.Read("aes_gcm_test.json"))
        {
            if (group.GetProperty("ivSize").GetInt32() != 96 || group.GetProperty("tagSize").GetInt32() != 128)
            {
                continue;
            }

            run++;
            var (key, iv, aad, msg) = (test.Bytes("key"), test.Bytes("iv"), test.Bytes("aad"), test.Bytes("msg"));
            using var cipher = new AesGcm(key, 16);
            var (ciphertext, tag) = (new byte[msg.Length], new byte[16]);
            cipher.Encrypt(iv, msg, ciphertext, tag, aad);
            ciphertext.Concat(tag).SequenceEqual(test.Bytes("ct").Concat(test.Bytes("tag"))).ShouldBe(test.IsValid(), test.Number());

            // The envelope authenticates its header before the associated data, so a vector fits one whose data begin so.
            byte[] header = [1, 0, 0, 0, 9];
            if (key.Length == 32 && test.IsValid())
            {
                opened++;
                byte[] authenticated = [.. header, .. aad];
                cipher.Encrypt(iv, msg, ciphertext, tag, authenticated);
                Envelope.TryOpen(key, [.. header, .. iv, .. ciphertext, .. tag], aad, out var text).ShouldBeTrue(test.Number());
                text.ShouldBe(msg);
            }
        }

        run.ShouldBe(197);
        opened.ShouldBeGreaterThan(30);
    }
}
