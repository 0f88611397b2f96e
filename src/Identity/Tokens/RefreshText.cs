using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using Crew.Kernel;
using Crew.Sealing;

namespace Crew.Identity.Tokens;

/// <summary>
/// The text of a refresh token: <c>crew_rt_</c>, its family (26), its place in the family's line (6), a secret (43) and a seal over all of
/// these (43). The seal shows by itself whether this installation has made the text, so garbage costs no look-up, and a text that is
/// older than the family's latest is known as a reuse although nothing is kept of it. The first secret is random; each further one
/// follows from the one before, so that whoever lost a race, or a reply, gets the same successor, and the database holds hashes only.
/// </summary>
internal sealed class RefreshText(StoredKeys keys)
{
    public const string Prefix = "crew_rt_";

    private const string SealPurpose = "refresh token seal";
    private const string SuccessorPurpose = "refresh token successor";
    private const int Length = 8 + Id.BodyLength + Base62.UInt32Length + Base62.KeyLength + Base62.KeyLength;

    private ScopeKey Installation => keys.Ring.Version(KeyScope.Installation, WrappedKey.InstallationId, 1)!;

    /// <summary>The first token of a family.</summary>
    public RefreshToken First(string familyId)
    {
        Span<byte> secret = stackalloc byte[32];
        RandomNumberGenerator.Fill(secret);
        return Make(familyId, 1, secret);
    }

    /// <summary>The one token that may follow another.</summary>
    public RefreshToken Successor(RefreshToken token)
    {
        Span<byte> input = stackalloc byte[Id.BodyLength + 4 + 32];
        Encoding.ASCII.GetBytes(token.FamilyId.AsSpan(IdPrefix.TokenFamily.Length), input);
        BinaryPrimitives.WriteUInt32BigEndian(input[Id.BodyLength..], token.Number + 1);
        token.Secret.CopyTo(input[(Id.BodyLength + 4)..]);
        Span<byte> secret = stackalloc byte[32];
        HMACSHA256.HashData(Installation.Derive(SuccessorPurpose), input, secret);
        return Make(token.FamilyId, token.Number + 1, secret);
    }

    /// <summary>Reads a text that this installation has made; false for anything else.</summary>
    public bool TryRead(string? text, [NotNullWhen(true)] out RefreshToken? token)
    {
        token = null;
        if (text is null || text.Length != Length || !text.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return false;
        }

        var familyId = string.Concat(IdPrefix.TokenFamily, text.AsSpan(Prefix.Length, Id.BodyLength));
        var rest = text.AsSpan(Prefix.Length + Id.BodyLength);
        Span<byte> secret = stackalloc byte[32];
        if (!Id.IsValid(familyId, IdPrefix.TokenFamily) || !Base62.IsValid(rest) || !TryReadNumber(rest[..Base62.UInt32Length], out var place)
            || !Base62.TryDecode(rest.Slice(Base62.UInt32Length, Base62.KeyLength), secret))
        {
            return false;
        }

        var made = Make(familyId, place, secret);
        token = ConstantTime.Equals(made.Text.Reveal().AsSpan(), text.AsSpan()) ? made : null;
        return token is not null;
    }

    private static bool TryReadNumber(ReadOnlySpan<char> text, out uint number)
    {
        ulong value = 0;
        foreach (var c in text)
        {
            value = (value * 62) + (ulong)Base62.Alphabet.IndexOf(c, StringComparison.Ordinal);
        }

        var isPlace = value is > 0 and < uint.MaxValue;
        number = isPlace ? (uint)value : 0;
        return isPlace;
    }

    private RefreshToken Make(string familyId, uint number, ReadOnlySpan<byte> secret)
    {
        Span<char> text = stackalloc char[Length];
        Prefix.CopyTo(text);
        familyId.AsSpan(IdPrefix.TokenFamily.Length).CopyTo(text[Prefix.Length..]);
        var rest = text[(Prefix.Length + Id.BodyLength)..];
        Base62.Encode(number, rest[..Base62.UInt32Length]);
        Base62.Encode(secret, rest.Slice(Base62.UInt32Length, Base62.KeyLength));
        Span<byte> body = stackalloc byte[Length - Base62.KeyLength];
        Encoding.ASCII.GetBytes(text[..^Base62.KeyLength], body);
        var installation = Installation;
        Span<byte> seal = stackalloc byte[32];
        HMACSHA256.HashData(installation.Derive(SealPurpose), body, seal);
        Base62.Encode(seal, text[^Base62.KeyLength..]);
        var whole = new SecretText(new string(text));
        return new RefreshToken(familyId, number, secret.ToArray(), whole,
            Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(whole.Reveal()))));
    }
}

/// <summary>A refresh token that this installation has made.</summary>
/// <param name="FamilyId">Its family, <c>tok_…</c>.</param>
/// <param name="Number">Its place in the line of its family, from 1.</param>
/// <param name="Secret">The 32 bytes that its successor follows from.</param>
/// <param name="Text">What the client holds.</param>
/// <param name="Hash">SHA-256 of the text in hexadecimal: all that is kept.</param>
internal sealed record RefreshToken(string FamilyId, uint Number, byte[] Secret, SecretText Text, string Hash)
{
    public override string ToString() => $"{FamilyId} {Number}";
}
