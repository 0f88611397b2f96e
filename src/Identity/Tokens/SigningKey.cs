using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Crew.Sealing;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.Tokens;

/// <summary>A key that signs access tokens, as it is kept: its public half in clear, the private one sealed.</summary>
[InstallationOwned("One set of keys signs the tokens of all tenants; the private halves are sealed under the installation key.")]
internal sealed class SigningKey
{
    /// <summary>Counts from 1. As the primary key it lets of several nodes that make the next key at once only one succeed.</summary>
    public required int Number { get; init; }

    /// <summary>The key's thumbprint (RFC 7638), <c>kid</c> of the tokens it signs.</summary>
    public required string KeyId { get; init; }

    /// <summary>SubjectPublicKeyInfo.</summary>
    public required byte[] PublicKey { get; init; }

    /// <summary>PKCS #8, sealed.</summary>
    public required byte[] PrivateKeySealed { get; init; }

    /// <summary>From when on it signs; published before.</summary>
    public required DateTimeOffset ActiveAt { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public static Cell PrivateCell(string keyId) => new(WrappedKey.InstallationId, "identity_signing_keys", "private_key_sealed", keyId);

    public static void Map(ModelBuilder model) => model.Entity<SigningKey>(key =>
    {
        key.ToTable("identity_signing_keys");
        key.HasKey(k => k.Number);
        key.Property(k => k.Number).ValueGeneratedNever();
        key.HasIndex(k => k.KeyId).IsUnique().HasDatabaseName("identity_signing_keys_key_id");
    });

    public static SigningKey Make(int number, KeyRing ring, DateTimeOffset activeAt, DateTimeOffset now)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var id = Thumbprint(key);
        var secret = key.ExportPkcs8PrivateKey();
        var made = new SigningKey
        {
            Number = number,
            KeyId = id,
            PublicKey = key.ExportSubjectPublicKeyInfo(),
            PrivateKeySealed = ring.Seal(KeyScope.Installation, WrappedKey.InstallationId, PrivateCell(id), secret),
            ActiveAt = activeAt,
            CreatedAt = now,
        };
        CryptographicOperations.ZeroMemory(secret);
        return made;
    }

    /// <summary>RFC 7638 section 3: SHA-256 of the members that make the key, in alphabetical order without white space.</summary>
    public static string Thumbprint(ECDsa key)
    {
        var point = key.ExportParameters(false).Q;
        var json = $$"""{"crv":"P-256","kty":"EC","x":"{{Base64Url.EncodeToString(point.X)}}","y":"{{Base64Url.EncodeToString(point.Y)}}"}""";
        return Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(json)));
    }
}
