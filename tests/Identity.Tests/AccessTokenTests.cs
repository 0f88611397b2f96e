using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Crew.Identity.Tokens;

namespace Crew.Identity.Tests;

/// <summary>What a signature of our own key does not make good: wrong headers and wrong claims.</summary>
public sealed class AccessTokenTests : IDisposable
{
    private const string Issuer = "https://crew.example.com";
    private const string Family = "tok_01k9x2f7m3q8t0v5w6y4z1a2bc";

    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public void Dispose() => _key.Dispose();

    [Fact]
    public void A_right_token_is_read()
    {
        var jws = Signed(Claims());
        CompactJws.Verify(_key, jws).ShouldBeTrue();
        AccessToken.Read(jws, Issuer).ShouldBe(new AccessToken(Family, DateTimeOffset.FromUnixTimeSeconds(1_800_003_600)));
    }

    [Theory]
    [InlineData("iss", "\"https://other.example.com\"")]
    [InlineData("iss", null)]
    [InlineData("aud", "\"https://other.example.com\"")]
    [InlineData("aud", "[\"https://crew.example.com\"]")]
    [InlineData("aud", null)]
    [InlineData("sid", "\"key_01k9x2f7m3q8t0v5w6y4z1a2bc\"")]
    [InlineData("sid", "\"tok_../../x\"")]
    [InlineData("sid", null)]
    [InlineData("sub", "7")]
    [InlineData("sub", null)]
    [InlineData("exp", "\"1800003600\"")]
    [InlineData("exp", "1800003600.5")]
    [InlineData("exp", "-1")]
    [InlineData("exp", "1e30")]
    [InlineData("exp", "9223372036854775807")]
    [InlineData("exp", "null")]
    [InlineData("exp", null)]
    [InlineData("iat", "\"now\"")]
    [InlineData("iat", null)]
    public void A_claim_that_is_wrong_or_missing_makes_it_none(string name, string? value)
    {
        var claims = Claims();
        claims.Remove(name);
        if (value is not null)
        {
            claims[name] = JsonNode.Parse(value);
        }

        AccessToken.Read(Signed(claims), Issuer).ShouldBeNull();
    }

    [Theory]
    [InlineData("JWT")]
    [InlineData("id_token")]
    [InlineData("AT+JWT")]
    [InlineData("")]
    public void Another_type_makes_it_none(string type) => AccessToken.Read(Signed(Claims(), type), Issuer).ShouldBeNull();

    [Theory]
    [InlineData("""{"iss":"a","iss":"https://crew.example.com"}""")]
    [InlineData("[]")]
    [InlineData("\"text\"")]
    [InlineData("{")]
    [InlineData("")]
    public void Claims_that_are_no_object_make_it_none(string payload)
    {
        var text = CompactJws.Sign(_key, "kid", AccessToken.Type, Encoding.UTF8.GetBytes(payload));
        if (CompactJws.TryRead(text, out var jws))
        {
            AccessToken.Read(jws, Issuer).ShouldBeNull();
        }
    }

    [Theory]
    [InlineData("""{"alg":"none","kid":"kid","typ":"at+jwt"}""")]
    [InlineData("""{"alg":"HS256","kid":"kid","typ":"at+jwt"}""")]
    [InlineData("""{"alg":"es256","kid":"kid","typ":"at+jwt"}""")]
    [InlineData("""{"alg":"ES384","kid":"kid","typ":"at+jwt"}""")]
    [InlineData("""{"alg":["ES256"],"kid":"kid","typ":"at+jwt"}""")]
    [InlineData("""{"kid":"kid","typ":"at+jwt"}""")]
    [InlineData("""{"alg":"ES256","alg":"none","kid":"kid","typ":"at+jwt"}""")]
    [InlineData("""{"alg":"ES256","kid":"kid","typ":"at+jwt","crit":["exp"]}""")]
    [InlineData("""{"alg":"ES256","kid":"kid","typ":"at+jwt","b64":false}""")]
    [InlineData("""{"alg":"ES256","kid":"kid","typ":"at+jwt","jwk":{"kty":"EC"}}""")]
    [InlineData("""{"alg":"ES256","kid":"kid","typ":"at+jwt","jku":"https://evil.example.com"}""")]
    [InlineData("""{"alg":"ES256","kid":"kid","typ":"at+jwt","x5u":"https://evil.example.com"}""")]
    [InlineData("""{"alg":"ES256","kid":1,"typ":"at+jwt"}""")]
    [InlineData("""{"alg":"ES256","kid":null,"typ":"at+jwt"}""")]
    [InlineData("""["ES256"]""")]
    [InlineData("""{"alg":"ES256"} {}""")]
    public void A_header_that_asks_for_anything_else_is_refused_although_we_have_signed_it(string header)
    {
        var signed = $"{Encode(header)}.{Encode(Claims().ToJsonString())}";
        var signature = _key.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        CompactJws.TryRead($"{signed}.{System.Buffers.Text.Base64Url.EncodeToString(signature)}", out _).ShouldBeFalse();
    }

    [Fact]
    public void A_signature_in_another_encoding_is_refused()
    {
        var signed = $"{Encode("""{"alg":"ES256","kid":"kid","typ":"at+jwt"}""")}.{Encode(Claims().ToJsonString())}";
        var der = _key.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
        CompactJws.TryRead($"{signed}.{System.Buffers.Text.Base64Url.EncodeToString(der)}", out _).ShouldBeFalse();
    }

    [Fact]
    public void Each_character_of_a_token_counts()
    {
        var text = CompactJws.Sign(_key, "kid", AccessToken.Type, Encoding.UTF8.GetBytes(Claims().ToJsonString()));
        for (var at = 0; at < text.Length; at++)
        {
            foreach (var other in "AQgw=. ".Where(c => c != text[at]))
            {
                var changed = text[..at] + other + text[(at + 1)..];
                (CompactJws.TryRead(changed, out var jws) && CompactJws.Verify(_key, jws)).ShouldBeFalse(changed);
            }
        }
    }

    private static JsonObject Claims() => new()
    {
        ["iss"] = Issuer,
        ["aud"] = Issuer,
        ["sub"] = "ext:a",
        ["iat"] = 1_800_000_000,
        ["exp"] = 1_800_003_600,
        ["sid"] = Family,
    };

    private static string Encode(string json) => System.Buffers.Text.Base64Url.EncodeToString(Encoding.UTF8.GetBytes(json));

    private UnverifiedJws Signed(JsonObject claims, string type = AccessToken.Type)
    {
        CompactJws.TryRead(CompactJws.Sign(_key, "kid", type, Encoding.UTF8.GetBytes(claims.ToJsonString())), out var jws).ShouldBeTrue();
        return jws!;
    }
}
