using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Crew.Testing;

/// <summary>
/// A browser and its authenticator in one, with a P-256 key: it answers WebAuthn options as the standard says, or with one thing wrong where a test asks
/// for that. The encodings are written out here, so that nothing of the product judges itself.
/// </summary>
public sealed class SoftAuthenticator : IDisposable
{
    private const byte UserPresent = 0x01;
    private const byte UserVerified = 0x04;
    private const byte AttestedData = 0x40;

    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public byte[] CredentialId { get; init; } = RandomNumberGenerator.GetBytes(32);

    /// <summary>Signatures made so far; each one adds to it.</summary>
    public uint Count { get; set; }

    /// <summary>The id of the person that it was made for.</summary>
    public string UserHandle { get; set; } = "";

    public string Origin { get; set; } = "";

    /// <summary>What it takes the RP id for; null is what the options say.</summary>
    public string? RpId { get; set; }

    /// <summary>Whether it has verified its person.</summary>
    public bool Verifies { get; set; } = true;

    /// <summary>Whether somebody touched it.</summary>
    public bool IsPresent { get; set; } = true;

    /// <summary>A challenge of its own instead of the one asked; null is that.</summary>
    public string? Challenge { get; set; }

    public bool CrossOrigin { get; set; }

    /// <summary>The format of the attestation, and its statement in CBOR.</summary>
    public (string Format, byte[] Statement) Attestation { get; set; } = ("none", [0xA0]);

    /// <summary>Answers <c>navigator.credentials.create</c>.</summary>
    public string Create(JsonElement options)
    {
        UserHandle = Encoding.UTF8.GetString(Base64Url.DecodeFromChars(options.GetProperty("user").GetProperty("id").GetString()));
        var client = ClientData("webauthn.create", options);
        var point = _key.ExportParameters(false).Q;
        byte[] cose = [0xA5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20, .. point.X!, 0x22, 0x58, 0x20, .. point.Y!];
        var length = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)CredentialId.Length);
        byte[] data = [.. AuthenticatorData(options.GetProperty("rp").GetProperty("id").GetString()!, AttestedData), .. new byte[16], .. length, .. CredentialId, .. cose];
        byte[] made = [0xA3, .. Text("fmt"), .. Text(Attestation.Format), .. Text("attStmt"), .. Attestation.Statement, .. Text("authData"), .. Bytes(data)];
        return Answer(new { clientDataJSON = Base64Url.EncodeToString(client), attestationObject = Base64Url.EncodeToString(made), transports = new[] { "internal" } });
    }

    /// <summary>Answers <c>navigator.credentials.get</c>.</summary>
    public string Get(JsonElement options)
    {
        Count++;
        var client = ClientData("webauthn.get", options);
        var data = AuthenticatorData(options.GetProperty("rpId").GetString()!, 0);
        var signature = _key.SignData([.. data, .. SHA256.HashData(client)], HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
        return Answer(new
        {
            clientDataJSON = Base64Url.EncodeToString(client),
            authenticatorData = Base64Url.EncodeToString(data),
            signature = Base64Url.EncodeToString(signature),
            userHandle = Base64Url.EncodeToString(Encoding.UTF8.GetBytes(UserHandle)),
        });
    }

    public void Dispose() => _key.Dispose();

    private string Answer(object response)
    {
        var id = Base64Url.EncodeToString(CredentialId);
        return JsonSerializer.Serialize(new { id, rawId = id, type = "public-key", clientExtensionResults = new { }, response });
    }

    private byte[] ClientData(string type, JsonElement options) => JsonSerializer.SerializeToUtf8Bytes(
        new { type, challenge = Challenge ?? options.GetProperty("challenge").GetString(), origin = Origin, crossOrigin = CrossOrigin });

    private byte[] AuthenticatorData(string rpId, byte flags)
    {
        var count = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(count, Count);
        return [.. SHA256.HashData(Encoding.UTF8.GetBytes(RpId ?? rpId)), (byte)(flags | (IsPresent ? UserPresent : 0) | (Verifies ? UserVerified : 0)), .. count];
    }

    private static byte[] Text(string text) => [(byte)(0x60 + text.Length), .. Encoding.ASCII.GetBytes(text)];

    private static byte[] Bytes(byte[] bytes) => [0x59, (byte)(bytes.Length >> 8), (byte)bytes.Length, .. bytes];
}
