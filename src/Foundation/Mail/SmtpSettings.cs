using System.Net;
using Crew.Kernel;

namespace Crew.Mail;

/// <summary>Where mail is handed over, as <c>CREW_SMTP_URL</c> says it.</summary>
/// <param name="Host">Name or address of the server.</param>
/// <param name="Port">Its port.</param>
/// <param name="From">The address that mail comes from.</param>
/// <param name="User">Name to sign in with; null for none.</param>
/// <param name="Password">What goes with it.</param>
/// <param name="IsTls">TLS from the first byte (RFC 8314); otherwise STARTTLS (RFC 3207).</param>
public sealed record SmtpSettings(string Host, int Port, string From, string? User, SecretText? Password, bool IsTls)
{
    private const int TlsPort = 465;
    private const int SubmissionPort = 587;

    /// <summary>This machine: there a server without TLS is taken, as nobody can listen in between.</summary>
    public bool IsLoopback => Host == "localhost" || (IPAddress.TryParse(Host, out var address) && IPAddress.IsLoopback(address));

    /// <summary>Reads <c>smtp://user:password@host:587?from=crew@example.com</c>, or <c>smtps://</c> for TLS from the first byte.</summary>
    public static Outcome<SmtpSettings> Parse(string url)
    {
        const string Form = "CREW_SMTP_URL is written smtp://user:password@mail.example.com:587?from=crew@example.com (smtps:// for TLS from the first byte); "
            + "characters such as @ and : in name and password are percent-encoded.";
        if (!Uri.TryCreate(url, UriKind.Absolute, out var parsed) || parsed.Scheme is not ("smtp" or "smtps") || parsed.Host.Length == 0)
        {
            return Faults.Invalid("CREW_SMTP_URL", Form);
        }

        var query = parsed.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries).Select(pair => pair.Split('=', 2)).ToList();
        var from = query.Find(pair => pair is ["from", _]) is { } pair ? Uri.UnescapeDataString(pair[1]) : "";
        if (from.Length < 3 || !from.Contains('@', StringComparison.Ordinal) || from.Any(c => c is <= ' ' or '<' or '>' or > '~') || query.Count != 1)
        {
            return Faults.Invalid("CREW_SMTP_URL", $"from= is missing, or something else stands behind the question mark. {Form}");
        }

        var user = parsed.UserInfo.Split(':', 2);
        var isTls = parsed.Scheme == "smtps";
        return new SmtpSettings(
            parsed.IdnHost.Trim('[', ']'), parsed.Port > 0 ? parsed.Port : isTls ? TlsPort : SubmissionPort, from,
            user[0].Length > 0 ? Uri.UnescapeDataString(user[0]) : null, user.Length == 2 ? new SecretText(Uri.UnescapeDataString(user[1])) : null, isTls);
    }
}
