using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text.Json;
using Crew.Kernel;
using Crew.Sealing.Egress;

namespace Crew.Keys;

/// <summary>Where the public keys of GitHub's secret scanning come from.</summary>
/// <param name="KeysFrom">An https address that answers with GitHub's document of public keys, or the path of a file that holds it; null turns reports off.</param>
internal sealed record GitHubKeysOptions(string? KeysFrom);

/// <summary>
/// Verifies reports of GitHub's secret scanning (ECDSA P-256 with SHA-256, signatures in DER). The document of public keys is read at
/// the first report and when a report names a key that is not in it, at most once a minute: strangers must not make this server call
/// out as often as they like.
/// </summary>
internal sealed class GitHubKeys(GitHubKeysOptions options, GuardedHandlerFactory egress, TimeProvider clock)
{
    public const int MostDocumentBytes = 64 * 1024;

    private const int MostKeys = 100;
    private const int MostSignatureCharacters = 128;
    private static readonly TimeSpan _pause = TimeSpan.FromMinutes(1);

    private readonly SemaphoreSlim _turn = new(1);
    private volatile FrozenDictionary<string, byte[]>? _keys;
    private long? _readAt;

    public bool IsConfigured => options.KeysFrom is not null;

    /// <summary>Null when GitHub has signed exactly these bytes.</summary>
    public async Task<Fault?> VerifyAsync(string keyId, string signature, ReadOnlyMemory<byte> body, CancellationToken cancel)
    {
        if (keyId.Length is 0 or > 128 || !TryDecode(signature, out var der))
        {
            return KeyFaults.UnsignedReport;
        }

        if (_keys?.ContainsKey(keyId) != true)
        {
            await RefreshAsync(keyId, cancel);
        }

        if (_keys is not { } keys)
        {
            return KeyFaults.SignersUnavailable;
        }

        return keys.TryGetValue(keyId, out var key) && IsSigned(key, body.Span, der) ? null : KeyFaults.UnsignedReport;
    }

    /// <summary>Reads GitHub's document of public keys. Null when it is none; keys of other kinds than P-256 are passed over.</summary>
    public static FrozenDictionary<string, byte[]>? Parse(ReadOnlyMemory<byte> document)
    {
        try
        {
            using var json = JsonDocument.Parse(document, new JsonDocumentOptions { MaxDepth = 8 });
            var keys = new Dictionary<string, byte[]>();
            foreach (var key in json.RootElement.GetProperty("public_keys").EnumerateArray().Take(MostKeys))
            {
                if (key.GetProperty("key_identifier").GetString() is { Length: > 0 } id && TryImport(key.GetProperty("key").GetString(), out var spki))
                {
                    keys[id] = spki;
                }
            }

            return keys.Count == 0 ? null : keys.ToFrozenDictionary(StringComparer.Ordinal);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            return null;
        }
    }

    private static bool TryImport(string? pem, [NotNullWhen(true)] out byte[]? spki)
    {
        spki = null;
        try
        {
            using var key = ECDsa.Create();
            key.ImportFromPem(pem);
            spki = key.ExportParameters(false).Curve.Oid.Value == ECCurve.NamedCurves.nistP256.Oid.Value ? key.ExportSubjectPublicKeyInfo() : null;
            return spki is not null;
        }
        catch (Exception error) when (error is ArgumentException or CryptographicException)
        {
            return false;
        }
    }

    private static bool TryDecode(string signature, [NotNullWhen(true)] out byte[]? der)
    {
        der = null;
        var buffer = new byte[MostSignatureCharacters];
        if (signature.Length is 0 or > MostSignatureCharacters || !Convert.TryFromBase64String(signature, buffer, out var length))
        {
            return false;
        }

        der = buffer[..length];
        return true;
    }

    private static bool IsSigned(byte[] spki, ReadOnlySpan<byte> body, byte[] der)
    {
        try
        {
            using var key = ECDsa.Create();
            key.ImportSubjectPublicKeyInfo(spki, out _);
            return key.VerifyData(body, der, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    private async Task RefreshAsync(string wanted, CancellationToken cancel)
    {
        await _turn.WaitAsync(cancel);
        try
        {
            if (_keys?.ContainsKey(wanted) == true || (_readAt is { } last && clock.GetElapsedTime(last) < _pause))
            {
                return;
            }

            _readAt = clock.GetTimestamp();
            _keys = await ReadAsync(cancel) is { } document && Parse(document) is { } keys ? keys : _keys;
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task<ReadOnlyMemory<byte>?> ReadAsync(CancellationToken cancel)
    {
        if (!Uri.TryCreate(options.KeysFrom, UriKind.Absolute, out var url) || url.Scheme is not ("https" or "http"))
        {
            return await ReadFileAsync(options.KeysFrom!, cancel);
        }

        using var client = new GuardedClient(egress, EgressPurpose.Leak, new EgressLimits { TotalTimeoutSeconds = 10, MaxResponseBodyBytes = MostDocumentBytes }, clock);
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        request.Headers.TryAddWithoutValidation("User-Agent", "crew");
        request.Headers.TryAddWithoutValidation("Accept", "application/json");
        var answer = await client.Send(request, cancel);
        return answer is { Fault: null, Value: { Status: 200, IsBodyCut: false } read } ? read.Body : null;
    }

    private static async Task<ReadOnlyMemory<byte>?> ReadFileAsync(string path, CancellationToken cancel)
    {
        try
        {
            var bytes = await File.ReadAllBytesAsync(path, cancel);
            return bytes.Length > MostDocumentBytes ? null : bytes;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
