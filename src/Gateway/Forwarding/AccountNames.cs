using System.Buffers;
using System.Text;
using System.Text.RegularExpressions;

namespace Crew.Gateway.Forwarding;

/// <summary>
/// Takes out of a provider's error what names the account that pays for the call: ids of organizations, projects and people, cloud
/// resources, keys and what is left of masked ones. The caller is often not whose account it is. All other words stay: clients tell errors
/// apart by them.
/// </summary>
internal static partial class AccountNames
{
    private const string Hidden = "[hidden]";

    private static readonly SearchValues<string> Signs = SearchValues.Create(
        ["org-", "org_", "proj_", "proj-", "user-", "acct_", "arn:aws", "projects/", "/subscriptions/", ".azure.com", ".gserviceaccount.com",
            "sk-", "rk-", "pk-", "gsk_", "xai-", "AKIA", "ASIA", "AIza"], StringComparison.Ordinal);

    /// <summary>The error without them, of the same encoding; null where it holds none.</summary>
    public static byte[]? Hide(ReadOnlySpan<byte> error)
    {
        // One byte a character and back, so that whatever else stands there, broken UTF-8 included, stays as it is.
        var text = Encoding.Latin1.GetString(error);
        return text.AsSpan().ContainsAny(Signs) && Names().Replace(text, Hidden) is var clean && clean != text ? Encoding.Latin1.GetBytes(clean) : null;
    }

    [GeneratedRegex("""
        \borg[-_][A-Za-z0-9]{8,64}
        | \bproj[-_][A-Za-z0-9]{8,64}
        | \buser-[A-Za-z0-9]{16,64}
        | \bacct_[A-Za-z0-9]{8,64}
        | \barn:aws[a-z-]*:[A-Za-z0-9:/._+=@*-]+
        | \bprojects/[A-Za-z0-9:._-]{4,64}
        | /subscriptions/[A-Za-z0-9/._-]+
        | \b[A-Za-z0-9-]{1,64}\.(?:openai|cognitiveservices|services\.ai)\.azure\.com
        | [A-Za-z0-9._-]{1,64}@[A-Za-z0-9-]{1,64}\.iam\.gserviceaccount\.com
        | \b(?:sk|rk|pk)-[A-Za-z0-9_-]{0,256}\*+[A-Za-z0-9_*-]{0,64}
        | \b(?:sk|rk)-[A-Za-z0-9_-]{16,256}
        | \bgsk_[A-Za-z0-9*]{16,128}
        | \bxai-[A-Za-z0-9*]{16,128}
        | \bA[KS]IA[A-Z0-9]{16}\b
        | \bAIza[A-Za-z0-9_-]{35}
        """, RegexOptions.IgnorePatternWhitespace | RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex Names();
}
