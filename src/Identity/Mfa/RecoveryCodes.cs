using System.Security.Cryptography;
using System.Text;

namespace Crew.Identity.Mfa;

/// <summary>Ten codes that each stand in once for a lost second factor: 120 random bits, of which only the hash is kept.</summary>
internal static class RecoveryCodes
{
    private const int Count = 10;
    private const int Characters = 24;

    /// <summary>Codes that were made before they had 24 characters.</summary>
    private const int FormerCharacters = 16;

    private const string Alphabet = "abcdefghijkmnpqrstuvwxyz23456789";

    public static (IReadOnlyList<string> Codes, IReadOnlyList<string> Hashes) Make()
    {
        var codes = Enumerable.Range(0, Count).Select(_ => RandomNumberGenerator.GetString(Alphabet, Characters)).ToList();
        return ([.. codes.Select(c => string.Join('-', c.Chunk(4).Select(part => new string(part))))], [.. codes.Select(Hash)]);
    }

    /// <summary>The hash of what was typed, whatever stands between the characters; null when it cannot be a code.</summary>
    public static string? HashOf(string? typed)
    {
        var code = new string([.. (typed ?? "").ToLowerInvariant().Where(char.IsAsciiLetterOrDigit)]);
        return code.Length is Characters or FormerCharacters ? Hash(code) : null;
    }

    private static string Hash(string code) => Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(code)));
}
