using System.Security.Cryptography;
using System.Text;

namespace Crew.Sealing.Tests;

public sealed class Ed25519Tests
{
    [Fact]
    public void Wycheproof_vectors_of_Ed25519_hold()
    {
        var run = 0;
        foreach (var (group, test) in Wycheproof.Read("ed25519_test.json"))
        {
            var publicKey = group.GetProperty("publicKey").Bytes("pk");
            Ed25519.Verify(publicKey, test.Bytes("msg"), test.Bytes("sig")).ShouldBe(test.IsValid(), test.Number());
            run++;
        }

        run.ShouldBe(151);
    }

    /// <summary>RFC 8032 section 7.1, tests 1 to 3.</summary>
    [Theory]
    [InlineData(
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b")]
    [InlineData(
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")]
    [InlineData(
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a")]
    public void Vectors_of_RFC_8032_hold(string privateKey, string publicKey, string message, string signature)
    {
        var (key, text) = (Convert.FromHexString(privateKey), Convert.FromHexString(message));
        Convert.ToHexStringLower(Ed25519.PublicKeyOf(key)).ShouldBe(publicKey);
        Convert.ToHexStringLower(Ed25519.Sign(key, text)).ShouldBe(signature);
    }

    [Fact]
    public void A_signature_holds_for_its_message_and_key_only()
    {
        var key = Ed25519.NewPrivateKey();
        var publicKey = Ed25519.PublicKeyOf(key);
        var message = Encoding.UTF8.GetBytes("checkpoint 17");
        var signature = Ed25519.Sign(key, message);
        Ed25519.Verify(publicKey, message, signature).ShouldBeTrue();
        Ed25519.Verify(publicKey, "checkpoint 18"u8, signature).ShouldBeFalse();
        Ed25519.Verify(Ed25519.PublicKeyOf(Ed25519.NewPrivateKey()), message, signature).ShouldBeFalse();
        Ed25519.Verify(publicKey, message, signature.AsSpan(0, 63)).ShouldBeFalse();
        Ed25519.Verify(publicKey.AsSpan(0, 31), message, signature).ShouldBeFalse();
        Should.Throw<ArgumentException>(() => Ed25519.Sign(new byte[31], message));

        // A refused signature leaves nothing behind that .NET's own use of the library would stumble over.
        SHA256.HashData(message).Length.ShouldBe(32);
    }
}
