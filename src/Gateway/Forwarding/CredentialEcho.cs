using System.Text;
using System.Text.RegularExpressions;

namespace Crew.Gateway.Forwarding;

/// <summary>
/// Finds a provider's credential in what that provider says about an error: some repeat the header that they were sent. Only errors are
/// searched, so that an answer costs nothing more.
/// </summary>
internal sealed partial class CredentialEcho(string credential)
{
    /// <summary>A shorter text would be found inside other words of any error, so it counts only where it stands as a word.</summary>
    private const int LeastCharactersWithinWords = 8;

    private readonly byte[] _credential = Encoding.UTF8.GetBytes(credential);
    private readonly bool _isWord = credential.Length < LeastCharactersWithinWords;

    /// <summary>Whether the credential stands there, as it is or as JSON writers escape it.</summary>
    public bool IsIn(ReadOnlySpan<byte> said) =>
        Stands(said) || (said.Contains((byte)'\\') && Stands(Encoding.UTF8.GetBytes(Unescape(Encoding.UTF8.GetString(said)))));

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
