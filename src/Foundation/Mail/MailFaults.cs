using Crew.Kernel;

namespace Crew.Mail;

/// <summary>Why a mail was not handed over.</summary>
public static class MailFaults
{
    /// <summary>The server cannot be reached, or broke off.</summary>
    public static readonly Fault Unreachable = new("mail_unavailable", 502,
        "The mail server did not take the message: it cannot be reached, or broke off. Try again later; the operator finds the server in CREW_SMTP_URL.")
    { RetryAfterSeconds = 60 };

    /// <summary>The server said no. Its words are its own and are not passed on; the number of its answer is.</summary>
    public static Fault Refused(string step, int reply) => new Fault("mail_refused", 502,
        $"The mail server refused the message at {step} with {reply}. Check the address; the operator checks CREW_SMTP_URL and the server's log.")
        .With("step", step).With("reply", reply);

    /// <summary>The server offers no TLS, and it is not this machine.</summary>
    public static readonly Fault NoTls = new("mail_without_tls", 502,
        "The mail server offers no TLS, so the message, which holds a link that signs somebody in, was not sent. Use a server with STARTTLS or smtps://.");
}
