using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Crew.Kernel;

namespace Crew.Mail;

/// <summary>
/// Hands one message over to the operator's mail server (RFC 5321), with TLS from the first byte or by STARTTLS, and signs in by AUTH PLAIN
/// (RFC 4616) or LOGIN, never without TLS save on this machine. A connection per message: mail of this kind is rare.
/// </summary>
public sealed class SmtpSender(SmtpSettings settings, TimeProvider clock)
{
    private const int TimeoutSeconds = 15;

    /// <summary>Sends, or says why the server did not take it.</summary>
    public async Task<Fault?> SendAsync(Letter letter, CancellationToken cancel)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(TimeSpan.FromSeconds(TimeoutSeconds));
        try
        {
            using var socket = new TcpClient();
            await socket.ConnectAsync(settings.Host, settings.Port, patience.Token);
            return await TalkAsync(socket.GetStream(), letter, patience.Token);
        }
        catch (Exception error) when (error is IOException or SocketException or System.Security.Authentication.AuthenticationException
            || (error is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            return MailFaults.Unreachable;
        }
    }

    private async Task<Fault?> TalkAsync(Stream stream, Letter letter, CancellationToken cancel)
    {
        if (settings.IsTls)
        {
            stream = await EncryptAsync(stream, cancel);
        }

        var wire = new SmtpWire(stream);
        if (await wire.ExpectAsync("greeting", 220, cancel) is { } unwelcome)
        {
            return unwelcome;
        }

        var (fault, offers) = await wire.HelloAsync(cancel);
        if (fault is null && !settings.IsTls && offers.Contains("STARTTLS"))
        {
            if (await wire.SayAsync("STARTTLS", "STARTTLS", 220, cancel) is { } refused)
            {
                return refused;
            }

            // What was said before TLS counts for nothing any more (RFC 3207 section 4.2), and what came in with it is not read.
            stream = await EncryptAsync(stream, cancel);
            wire = new SmtpWire(stream);
            (fault, offers) = await wire.HelloAsync(cancel);
        }

        if (fault is not null)
        {
            return fault;
        }

        if (stream is not SslStream && !settings.IsLoopback)
        {
            return MailFaults.NoTls;
        }

        return await SignInAsync(wire, offers, cancel) ?? await DeliverAsync(wire, letter, cancel);
    }

    private async Task<Fault?> SignInAsync(SmtpWire wire, IReadOnlySet<string> offers, CancellationToken cancel)
    {
        if (settings is not { User: { } user, Password: { } password })
        {
            return null;
        }

        if (offers.Contains("AUTH PLAIN"))
        {
            return await wire.SayAsync("AUTH", $"AUTH PLAIN {Base64($"\0{user}\0{password.Reveal()}")}", 235, cancel);
        }

        return await wire.SayAsync("AUTH", "AUTH LOGIN", 334, cancel)
            ?? await wire.SayAsync("AUTH", Base64(user), 334, cancel)
            ?? await wire.SayAsync("AUTH", Base64(password.Reveal()), 235, cancel);
    }

    private async Task<Fault?> DeliverAsync(SmtpWire wire, Letter letter, CancellationToken cancel)
    {
        var id = $"{Id.New("mail_", clock)}@{settings.From[(settings.From.IndexOf('@', StringComparison.Ordinal) + 1)..]}";
        var fault = await wire.SayAsync("MAIL", $"MAIL FROM:<{settings.From}>", 250, cancel)
            ?? await wire.SayAsync("RCPT", $"RCPT TO:<{letter.To}>", 250, cancel)
            ?? await wire.SayAsync("DATA", "DATA", 354, cancel)
            ?? await wire.SayAsync("message", $"{letter.Compose(settings.From, id, clock.GetUtcNow())}\r\n.", 250, cancel);
        if (fault is null)
        {
            // It is taken: how the server says goodbye changes nothing.
            await wire.LeaveAsync(cancel);
        }

        return fault;
    }

    private async Task<SslStream> EncryptAsync(Stream stream, CancellationToken cancel)
    {
        var encrypted = new SslStream(stream);
        await encrypted.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = settings.Host }, cancel);
        return encrypted;
    }

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));
}

/// <summary>Commands and replies of SMTP.</summary>
internal sealed class SmtpWire(Stream stream)
{
    private const int MostReplyLines = 100;
    private const int MostLineCharacters = 1_000;

    private readonly byte[] _buffer = new byte[4_096];
    private int _at;
    private int _end;

    public async Task<Fault?> SayAsync(string step, string command, int expected, CancellationToken cancel)
    {
        await stream.WriteAsync(Encoding.UTF8.GetBytes(command + "\r\n"), cancel);
        await stream.FlushAsync(cancel);
        return await ExpectAsync(step, expected, cancel);
    }

    public async Task<Fault?> ExpectAsync(string step, int expected, CancellationToken cancel) =>
        await ReplyAsync(cancel) is var (code, _) && (code == expected || (expected == 250 && code == 251)) ? null : MailFaults.Refused(step, code);

    /// <summary>Greets, and returns what the server offers, one word or <c>AUTH MECHANISM</c> each, in capitals.</summary>
    public async Task<(Fault? Fault, IReadOnlySet<string> Offers)> HelloAsync(CancellationToken cancel)
    {
        await stream.WriteAsync("EHLO crew\r\n"u8.ToArray(), cancel);
        await stream.FlushAsync(cancel);
        var (code, lines) = await ReplyAsync(cancel);
        var offers = new HashSet<string>(StringComparer.Ordinal);
        foreach (var words in lines.Skip(1).Select(line => line.ToUpperInvariant().Split(' ', StringSplitOptions.RemoveEmptyEntries)).Where(words => words.Length > 0))
        {
            offers.Add(words[0]);
            offers.UnionWith(words.Skip(1).Select(word => $"{words[0]} {word}"));
        }

        return (code == 250 ? null : MailFaults.Refused("EHLO", code), offers);
    }

    public async Task LeaveAsync(CancellationToken cancel)
    {
        try
        {
            await stream.WriteAsync("QUIT\r\n"u8.ToArray(), cancel);
            await ReplyAsync(cancel);
        }
        catch (IOException)
        {
            // Gone already.
        }
    }

    private async Task<(int Code, List<string> Lines)> ReplyAsync(CancellationToken cancel)
    {
        var lines = new List<string>();
        while (true)
        {
            var line = await LineAsync(cancel);
            if (lines.Count >= MostReplyLines || line.Length < 3 || !int.TryParse(line.AsSpan(0, 3), NumberStyles.None, CultureInfo.InvariantCulture, out var code))
            {
                throw new IOException("This is no reply of SMTP.");
            }

            lines.Add(line.Length > 4 ? line[4..] : "");
            if (line.Length == 3 || line[3] != '-')
            {
                return (code, lines);
            }
        }
    }

    private async Task<string> LineAsync(CancellationToken cancel)
    {
        var line = new StringBuilder();
        while (line.Length <= MostLineCharacters)
        {
            if (_at == _end)
            {
                (_at, _end) = (0, await stream.ReadAsync(_buffer, cancel));
                if (_end == 0)
                {
                    throw new IOException("The server closed the connection.");
                }
            }

            var next = (char)_buffer[_at++];
            if (next == '\n')
            {
                return line.ToString().TrimEnd('\r');
            }

            line.Append(next);
        }

        throw new IOException("A line of the server's reply is too long.");
    }
}
