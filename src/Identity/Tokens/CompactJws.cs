using System.Buffers;
using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Crew.Identity.Tokens;

/// <summary>
/// JSON Web Signatures in compact form (RFC 7515 section 7.1) with ES256 (RFC 7518 section 3.4), and nothing else: one algorithm, one
/// encoding of each part. A header names its algorithm, its key and its type; one that asks for anything more (<c>jwk</c>, <c>jku</c>,
/// <c>x5u</c>, <c>crit</c>, <c>b64</c> …) is refused, so that no header ever chooses how it is verified. Pure and thread-safe.
/// </summary>
internal static class CompactJws
{
    /// <summary>Longest text that is looked at.</summary>
    public const int MostCharacters = 8 * 1024;

    public const string Algorithm = "ES256";

    /// <summary>R and S of P-256, 32 bytes each.</summary>
    private const int SignatureBytes = 64;

    private static readonly JsonDocumentOptions _strict = new() { MaxDepth = 8, AllowDuplicateProperties = false };

    private static readonly UTF8Encoding _utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Signs a payload.</summary>
    public static string Sign(ECDsa key, string keyId, string type, ReadOnlySpan<byte> payload)
    {
        var header = new ArrayBufferWriter<byte>(96);
        using (var json = new Utf8JsonWriter(header))
        {
            json.WriteStartObject();
            json.WriteString("alg", Algorithm);
            json.WriteString("kid", keyId);
            json.WriteString("typ", type);
            json.WriteEndObject();
        }

        var signed = $"{Base64Url.EncodeToString(header.WrittenSpan)}.{Base64Url.EncodeToString(payload)}";
        var signature = key.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        return $"{signed}.{Base64Url.EncodeToString(signature)}";
    }

    /// <summary>Whether a text has the form of a token: two dots. Everything else is judged by <see cref="TryRead"/>.</summary>
    public static bool HasForm(ReadOnlySpan<char> text) => text.Count('.') == 2;

    /// <summary>Takes a text apart, without believing it yet.</summary>
    public static bool TryRead(string text, [NotNullWhen(true)] out UnverifiedJws? jws)
    {
        jws = null;
        if (text.Length > MostCharacters || !HasForm(text))
        {
            return false;
        }

        var first = text.IndexOf('.', StringComparison.Ordinal);
        var last = text.LastIndexOf('.');
        if (!TryDecode(text.AsSpan(0, first), out var header) || !TryDecode(text.AsSpan(first + 1, last - first - 1), out var payload)
            || !TryDecode(text.AsSpan(last + 1), out var signature) || signature.Length != SignatureBytes
            || !TryReadHeader(header, out var keyId, out var type))
        {
            return false;
        }

        jws = new UnverifiedJws(keyId, type, payload, Encoding.ASCII.GetBytes(text[..last]), signature);
        return true;
    }

    /// <summary>Whether the key has signed exactly this header and payload.</summary>
    public static bool Verify(ECDsa key, UnverifiedJws jws) =>
        key.VerifyData(jws.Signed, jws.Signature, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);

    private static bool TryReadHeader(byte[] header, out string? keyId, out string? type)
    {
        (keyId, type, string? algorithm) = (null, null, null);
        if (!TryParse(header, out var parsed))
        {
            return false;
        }

        using (parsed)
        {
            foreach (var member in parsed.RootElement.EnumerateObject())
            {
                if (member.Value.ValueKind != JsonValueKind.String)
                {
                    return false;
                }

                switch (member.Name)
                {
                    case "alg":
                        algorithm = member.Value.GetString();
                        break;
                    case "kid":
                        keyId = member.Value.GetString();
                        break;
                    case "typ":
                        type = member.Value.GetString();
                        break;
                    default:
                        return false;
                }
            }
        }

        return algorithm == Algorithm;
    }

    /// <summary>Reads a JSON object strictly: well-formed UTF-8, no member twice.</summary>
    public static bool TryParse(byte[] json, [NotNullWhen(true)] out JsonDocument? parsed)
    {
        parsed = null;
        try
        {
            _ = _utf8.GetCharCount(json);
            parsed = JsonDocument.Parse(json, _strict);
            if (parsed.RootElement.ValueKind == JsonValueKind.Object)
            {
                return true;
            }

            parsed.Dispose();
            parsed = null;
            return false;
        }
        catch (Exception error) when (error is JsonException or ArgumentException or InvalidOperationException)
        {
            return false;
        }
    }

    /// <summary>Base64url without padding, white space or bits left over: one text for each value (RFC 7515 section 2).</summary>
    private static bool TryDecode(ReadOnlySpan<char> text, [NotNullWhen(true)] out byte[]? bytes)
    {
        bytes = null;
        if (text.Length == 0 || text.ContainsAnyExcept(_alphabet))
        {
            return false;
        }

        var buffer = new byte[Base64Url.GetMaxDecodedLength(text.Length)];
        if (Base64Url.DecodeFromChars(text, buffer, out _, out var length) != OperationStatus.Done
            || !Base64Url.EncodeToString(buffer.AsSpan(0, length)).AsSpan().SequenceEqual(text))
        {
            return false;
        }

        bytes = buffer[..length];
        return true;
    }

    private static readonly SearchValues<char> _alphabet = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
}

/// <summary>A signature that was taken apart and not verified yet.</summary>
internal sealed record UnverifiedJws(string? KeyId, string? Type, byte[] Payload, byte[] Signed, byte[] Signature);
