using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;
using Crew.Identity.Tokens;

namespace Crew.Identity.Tests;

/// <summary>
/// Wycheproof's vectors of JSON Web Signatures, Encryption and Keys, and of ECDSA over P-256. This server takes ES256 in compact form with
/// its own keys and nothing else, so everything else has to be refused, the valid ones included.
/// </summary>
public sealed class JoseVectorTests
{
    private const string Own = "ES256";

    [Theory]
    [InlineData("json_web_signature_test.json", 401, 2)]
    [InlineData("json_web_crypto_test.json", 83, 1)]
    [InlineData("json_web_key_test.json", 26, 0)]
    [InlineData("json_web_encryption_test.json", 139, 0)]
    public void No_vector_is_accepted_but_the_valid_ones_of_ES256(string file, int vectors, int accepted)
    {
        var (seen, taken) = (0, new List<string>());
        foreach (var (group, test) in Read(file))
        {
            seen++;
            foreach (var text in Texts(test))
            {
                if (IsAccepted(group, text))
                {
                    taken.Add($"vector {test.GetProperty("tcId").GetInt32()} {test.GetProperty("result").GetString()} {HeaderOf(text)}");
                }
            }
        }

        seen.ShouldBe(vectors);
        taken.ShouldAllBe(t => t.Contains("valid " + Own) && !t.Contains("invalid"));
        taken.Count.ShouldBe(accepted);
    }

    [Fact]
    public void Signatures_of_P256_are_judged_as_the_vectors_say()
    {
        var (seen, wrong) = (0, new List<int>());
        foreach (var (group, test) in Read("ecdsa_secp256r1_sha256_p1363_test.json"))
        {
            seen++;
            using var key = ECDsa.Create();
            key.ImportSubjectPublicKeyInfo(Convert.FromHexString(group.GetProperty("publicKeyDer").GetString()!), out _);
            var signature = Convert.FromHexString(test.GetProperty("sig").GetString()!);
            var jws = new UnverifiedJws(null, null, [], Convert.FromHexString(test.GetProperty("msg").GetString()!), signature);
            if (CompactJws.Verify(key, jws) != (test.GetProperty("result").GetString() == "valid"))
            {
                wrong.Add(test.GetProperty("tcId").GetInt32());
            }
        }

        seen.ShouldBe(262);
        wrong.ShouldBeEmpty();
    }

    /// <summary>The key store holds keys of P-256 that are for signing; the vectors' keys are taken as it would hold them.</summary>
    private static bool IsAccepted(JsonElement group, string text)
    {
        if (!CompactJws.HasForm(text) || !CompactJws.TryRead(text, out var jws))
        {
            return false;
        }

        foreach (var jwk in Keys(group.GetProperty("private")).Where(IsForSigning).Where(k => Member(k, "kid") == jws.KeyId))
        {
            using var key = Open(jwk);
            if (key is not null && CompactJws.Verify(key, jws))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Null for what is no point of the curve.</summary>
    private static ECDsa? Open(JsonElement jwk)
    {
        try
        {
            return ECDsa.Create(new ECParameters
            {
                Curve = ECCurve.NamedCurves.nistP256,
                Q = new ECPoint { X = Base64Url.DecodeFromChars(Member(jwk, "x")), Y = Base64Url.DecodeFromChars(Member(jwk, "y")) },
            });
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    private static IEnumerable<JsonElement> Keys(JsonElement jwk) => jwk.TryGetProperty("keys", out var several) ? several.EnumerateArray() : [jwk];

    private static bool IsForSigning(JsonElement jwk) => Member(jwk, "kty") == "EC" && Member(jwk, "crv") == "P-256"
        && Member(jwk, "use") is null or "sig" && Member(jwk, "alg") is null or Own
        && Member(jwk, "x") is not null && (!jwk.TryGetProperty("key_ops", out var operations) || operations.EnumerateArray().Any(o => o.GetString() is "sign" or "verify"));

    private static string? Member(JsonElement jwk, string name) => jwk.TryGetProperty(name, out var member) && member.ValueKind == JsonValueKind.String ? member.GetString() : null;

    /// <summary>A vector is a text in compact form, or an object of the JSON form, which is tried as the text that it is.</summary>
    private static IEnumerable<string> Texts(JsonElement test) => new[] { "jws", "jwe", "enc" }.Where(name => test.TryGetProperty(name, out _))
        .Select(name => test.GetProperty(name)).Select(v => v.ValueKind == JsonValueKind.String ? v.GetString()! : v.GetRawText());

    private static string HeaderOf(string text)
    {
        using var header = JsonDocument.Parse(Base64Url.DecodeFromChars(text.AsSpan(0, text.IndexOf('.'))));
        return header.RootElement.GetProperty("alg").GetString()!;
    }

    private static IEnumerable<(JsonElement Group, JsonElement Test)> Read(string file)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Vectors", file)));
        foreach (var group in document.RootElement.GetProperty("testGroups").EnumerateArray())
        {
            foreach (var test in group.GetProperty("tests").EnumerateArray())
            {
                yield return (group.Clone(), test.Clone());
            }
        }
    }
}
