using System.Text;

namespace Crew.Identity.Accounts;

/// <summary>
/// What a password must be (NIST SP 800-63B section 3.1.1.2): long, any characters, and none that many use or that the context gives away.
/// No rules of composition, no expiry, no hints.
/// </summary>
internal static class PasswordRules
{
    public const int LeastCharacters = 15;
    public const int MostCharacters = 256;

    /// <summary>A password of fewer different characters is a pattern.</summary>
    private const int LeastDifferent = 6;

    /// <summary>What must be left of a password without common and expected words.</summary>
    private const int LeastRest = 8;

    /// <summary>The stems of what heads every list of leaked passwords, and of what this product suggests.</summary>
    private static readonly string[] Common =
    [
        "password", "passwort", "passw0rd", "p@ssw0rd", "qwerty", "qwertz", "azerty", "asdf", "zxcv", "1q2w3e4r", "letmein", "welcome", "iloveyou", "admin",
        "administrator", "root", "login", "master", "dragon", "monkey", "football", "baseball", "sunshine", "princess", "shadow", "superman", "secret",
        "changeme", "default", "trustno1", "abc123", "summer", "winter", "spring", "autumn", "january", "crew", "usecrew", "correcthorsebatterystaple",
    ];

    /// <summary>Why a password is not taken, in a sentence; null when it is.</summary>
    public static string? Refusal(string? password, params IEnumerable<string?> context)
    {
        var text = (password ?? "").Normalize(NormalizationForm.FormC);
        var length = text.EnumerateRunes().Count();
        if (length < LeastCharacters)
        {
            return $"Use at least {LeastCharacters} characters. A few words that have nothing to do with each other are easy to remember.";
        }

        if (length > MostCharacters)
        {
            return $"Use at most {MostCharacters} characters.";
        }

        if (text.Contains('\0', StringComparison.Ordinal))
        {
            return "A password cannot hold the character U+0000.";
        }

        var lower = text.ToLowerInvariant();
        if (lower.EnumerateRunes().Distinct().Count() < LeastDifferent || IsSequence(lower))
        {
            return "This is a pattern that programs try first. Use words or characters that do not repeat or follow each other.";
        }

        return Rest(lower, context) < LeastRest
            ? "This is made of words that programs try first, or of your own name or address. Add something that nobody would expect."
            : null;
    }

    /// <summary>Whether nearly every character follows from the one before, up or down.</summary>
    private static bool IsSequence(string text)
    {
        var following = text.Zip(text.Skip(1)).Count(pair => Math.Abs(pair.First - pair.Second) <= 1);
        return following >= (text.Length - 1) * 4 / 5;
    }

    /// <summary>Characters that are left when common and expected words, and trailing digits, are taken out.</summary>
    private static int Rest(string lower, IEnumerable<string?> context)
    {
        var expected = context.OfType<string>().SelectMany(c => c.ToLowerInvariant().Split(['@', '.', ' ', '-', '_', '+'], StringSplitOptions.RemoveEmptyEntries))
            .Where(word => word.Length >= 3);
        foreach (var word in Common.Concat(expected).OrderByDescending(word => word.Length))
        {
            lower = lower.Replace(word, "", StringComparison.Ordinal);
        }

        return lower.Where(char.IsLetterOrDigit).SkipWhile(char.IsAsciiDigit).Reverse().SkipWhile(char.IsAsciiDigit).Count();
    }
}
