using System.Security.Cryptography;
using System.Text;

namespace Crew.Sealing.Tests;

public sealed class KeyedHashVectorTests
{
    [Fact]
    public void Wycheproof_vectors_of_HMAC_SHA256_hold()
    {
        var run = 0;
        foreach (var (group, test) in Wycheproof.Read("hmac_sha256_test.json"))
        {
            var mac = HMACSHA256.HashData(test.Bytes("key"), test.Bytes("msg"));
            var tag = mac.AsSpan(0, group.GetProperty("tagSize").GetInt32() / 8);
            ConstantTime.Equals(tag, test.Bytes("tag")).ShouldBe(test.IsValid(), test.Number());
            run++;
        }

        run.ShouldBe(174);
    }

    [Fact]
    public void Wycheproof_vectors_of_HKDF_SHA256_hold()
    {
        var run = 0;
        foreach (var (_, test) in Wycheproof.Read("hkdf_sha256_test.json"))
        {
            var size = test.GetProperty("size").GetInt32();
            if (size > 255 * 32)
            {
                test.IsValid().ShouldBeFalse();
                Should.Throw<ArgumentOutOfRangeException>(() => Derive(size));
            }
            else
            {
                Derive(size).SequenceEqual(test.Bytes("okm")).ShouldBe(test.IsValid(), test.Number());
            }

            run++;

            byte[] Derive(int length) =>
                HKDF.DeriveKey(HashAlgorithmName.SHA256, test.Bytes("ikm"), length, test.Bytes("salt"), test.Bytes("info"));
        }

        run.ShouldBe(86);
    }

    [Fact]
    public void A_sub_key_is_HKDF_with_the_purpose_as_info()
    {
        var key = RandomNumberGenerator.GetBytes(32);
        var expected = HKDF.DeriveKey(HashAlgorithmName.SHA256, key, 32, [], Encoding.UTF8.GetBytes("lookup"));
        ScopeKey.Hkdf(key, KeyPurpose.Lookup).ShouldBe(expected);
        ScopeKey.Hkdf(key, KeyPurpose.Seal).ShouldNotBe(expected);
    }
}
