using System.Text;
using System.Text.RegularExpressions;

namespace Crew.Gateway.Forwarding;

/// <summary>
/// Finds a provider's credential in what that provider says about an error: some repeat the header that they were sent. Only errors are
/// searched, so that an answer costs nothing more.
/// </summary>
internal sealed partial class CredentialEcho(string credential)
{
    /// <summary>A shorter text is no secret, and would be found in any error.</summary>
    private const int LeastCharacters = 8;

    private readonly byte[] _credential = credential.Length < LeastCharacters ? [] : Encoding.UTF8.GetBytes(credential);

    /// <summary>Whether the credential stands there, as it is or as JSON writers escape it.</summary>
    public bool IsIn(ReadOnlySpan<byte> said)
    {
        if (_credential.Length == 0)
        {
            return false;
        }

        return said.IndexOf(_credential) >= 0
            || (said.Contains((byte)'\\') && Encoding.UTF8.GetBytes(Unescape(Encoding.UTF8.GetString(said))).AsSpan().IndexOf(_credential) >= 0);
    }

    private static string Unescape(string text) => Escape().Replace(text, static found => found.Groups[1] is { Success: true } code
        ? ((char)Convert.ToInt32(code.Value, 16)).ToString()
        : found.Groups[2].Value);

    [GeneratedRegex(@"\\(?:u([0-9a-fA-F]{4})|(.))")]
    private static partial Regex Escape();
}
