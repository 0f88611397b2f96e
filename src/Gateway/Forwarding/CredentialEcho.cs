using System.Text;
using System.Text.RegularExpressions;

namespace Crew.Gateway.Forwarding;

/// <summary>
/// Finds a provider's credential in what that provider says: some repeat the header that they were sent. Errors are searched in every
/// spelling. Everything else is searched for the credential as it is, which costs some nanoseconds an event: a refusal that does not look
/// like one (a text, half an object, a member for debugging) must not give it away either.
/// </summary>
internal sealed partial class CredentialEcho(string credential)
{
    /// <summary>A shorter text would be found inside other words of any error, so it counts only where it stands as a word.</summary>
    private const int LeastCharactersWithinWords = 8;

    /// <summary>A shorter text may be a word of the answer.</summary>
    private const int LeastCharactersInAnswers = 16;

    private readonly byte[] _credential = Encoding.UTF8.GetBytes(credential);
    private readonly bool _isWord = credential.Length < LeastCharactersWithinWords;

    /// <summary>Whether the credential stands there, as it is or as JSON writers escape it.</summary>
    public bool IsIn(ReadOnlySpan<byte> said) =>
        Stands(said) || (said.Contains((byte)'\\') && Stands(Encoding.UTF8.GetBytes(Unescape(Encoding.UTF8.GetString(said)))));

    /// <summary>Whether the credential stands as it is in what does not look like an error.</summary>
    public bool IsInAnswer(ReadOnlySpan<byte> said) => _credential.Length >= LeastCharactersInAnswers && said.IndexOf(_credential) >= 0;

    private bool Stands(ReadOnlySpan<byte> said)
    {
        for (var rest = said; rest.IndexOf(_credential) is var at and >= 0; rest = rest[(at + 1)..])
        {
            var (start, end) = (said.Length - rest.Length + at, said.Length - rest.Length + at + _credential.Length);
            if (!_isWord || ((start == 0 || !IsWordCharacter(said[start - 1])) && (end == said.Length || !IsWordCharacter(said[end]))))
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsWordCharacter(byte character) => char.IsAsciiLetterOrDigit((char)character);

    private static string Unescape(string text) => Escape().Replace(text, static found => found.Groups[1] is { Success: true } code
        ? ((char)Convert.ToInt32(code.Value, 16)).ToString()
        : found.Groups[2].Value);

    [GeneratedRegex(@"\\(?:u([0-9a-fA-F]{4})|(.))")]
    private static partial Regex Escape();
}
