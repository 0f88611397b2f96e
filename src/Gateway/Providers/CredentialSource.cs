using System.Text.RegularExpressions;
using Crew.Kernel;

namespace Crew.Gateway.Providers;

/// <summary>
/// Credentials that the operator keeps outside of the database: <c>env:NAME</c> and <c>file:PATH</c>. Only names and places that hold
/// nothing but providers' keys are read, or whoever may write a provider could have the master key sent to a server of theirs.
/// </summary>
internal static partial class CredentialSource
{
    private const int MaximumFileBytes = 16_384;

    public static bool IsReference(string text) =>
        text.StartsWith("env:", StringComparison.Ordinal) || text.StartsWith("file:", StringComparison.Ordinal);

    /// <summary>What is wrong with a reference; null for one that may be read.</summary>
    public static Fault? Check(string text) => EnvironmentName().IsMatch(text) || SecretFile().IsMatch(text)
        ? null
        : Faults.Invalid("api_key", "A reference is env:NAME with a NAME that ends in _API_KEY and does not begin with CREW_, or file:/run/secrets/NAME.");

    /// <summary>The credential itself; null where the variable or file is not there.</summary>
    public static SecretText? Resolve(SecretText given)
    {
        var text = given.Reveal();
        if (!IsReference(text))
        {
            return given;
        }

        if (Check(text) is not null)
        {
            return null;
        }

        var found = text[0] == 'e' ? Environment.GetEnvironmentVariable(text[4..]) : ReadFile(text[5..]);
        return string.IsNullOrWhiteSpace(found) ? null : new SecretText(found.Trim());
    }

    private static string? ReadFile(string path)
    {
        try
        {
            return new FileInfo(path) is { Exists: true, Length: <= MaximumFileBytes, LinkTarget: null } ? File.ReadAllText(path) : null;
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    [GeneratedRegex("^env:(?!CREW_)[A-Z0-9_]{1,64}_API_KEY$", RegexOptions.CultureInvariant)]
    private static partial Regex EnvironmentName();

    [GeneratedRegex("^file:/run/secrets/[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$", RegexOptions.CultureInvariant)]
    private static partial Regex SecretFile();
}
