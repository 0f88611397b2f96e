using System.Security.Cryptography;
using Crew.Kernel;
using Crew.Sealing;

namespace Crew.Keys;

/// <summary>
/// The text of a key: prefix + 43 base62 characters (256 random bits) + 6 base62 characters of CRC-32/ISO-HDLC over everything
/// before them. The checksum lets scanners and this server tell a real key from garbage without asking anybody.
/// </summary>
internal static class KeyText
{
    public const string Live = "crew_sk_live_";
    public const string Test = "crew_sk_test_";

    /// <summary>Matches every key, for secret scanners.</summary>
    public const string Pattern = "crew_(?:sk_live|sk_test|dev|stg|prod)_[0-9A-Za-z]{49}";

    private static readonly string[] Prefixes = [Live, Test, "crew_dev_", "crew_stg_", "crew_prod_"];

    public static string PrefixOf(CrewEnvironment environment) => environment switch
    {
        CrewEnvironment.Development => "crew_dev_",
        CrewEnvironment.Staging => "crew_stg_",
        _ => "crew_prod_",
    };

    /// <summary>Makes a new key text.</summary>
    public static SecretText Mint(string prefix)
    {
        Span<byte> random = stackalloc byte[32];
        RandomNumberGenerator.Fill(random);
        return new SecretText(Format(prefix, random));
    }

    /// <summary>The text for given random bytes; pure, for test vectors.</summary>
    public static string Format(string prefix, ReadOnlySpan<byte> random32)
    {
        Span<char> text = stackalloc char[prefix.Length + Base62.KeyLength + Base62.UInt32Length];
        prefix.CopyTo(text);
        Base62.Encode(random32, text.Slice(prefix.Length, Base62.KeyLength));
        var body = text[..(prefix.Length + Base62.KeyLength)];
        Base62.Encode(Crc32.Of(body), text[body.Length..]);
        return new string(text);
    }

    /// <summary>Whether prefix, length, alphabet and checksum are right. Never touches any store.</summary>
    public static bool IsWellFormed(ReadOnlySpan<char> text)
    {
        foreach (var prefix in Prefixes)
        {
            if (text.StartsWith(prefix, StringComparison.Ordinal))
            {
                return text.Length == prefix.Length + Base62.KeyLength + Base62.UInt32Length && HasRightChecksum(text, prefix.Length);
            }
        }

        return false;
    }

    private static bool HasRightChecksum(ReadOnlySpan<char> text, int prefixLength)
    {
        if (!Base62.IsValid(text[prefixLength..]))
        {
            return false;
        }

        Span<char> checksum = stackalloc char[Base62.UInt32Length];
        var body = text[..(prefixLength + Base62.KeyLength)];
        Base62.Encode(Crc32.Of(body), checksum);
        return text[body.Length..].SequenceEqual(checksum);
    }
}
