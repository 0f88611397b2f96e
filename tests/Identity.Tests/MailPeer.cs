using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Crew.Testing;

namespace Crew.Identity.Tests;

/// <summary>What a mail server took in.</summary>
public sealed record TakenMail(IReadOnlyList<string> To, string From, bool Tls, string? User, string Message)
{
    /// <summary>The text of the message, decoded.</summary>
    public string Text => Encoding.UTF8.GetString(Convert.FromBase64String(Message[(Message.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..].Replace("\r\n", "", StringComparison.Ordinal)));

    /// <summary>The path of the one link in it.</summary>
    public string LinkPath => new Uri(Text.Split('\n').Single(line => line.StartsWith("http", StringComparison.Ordinal)).Trim()).AbsolutePath;
}

/// <summary>A mail server of somebody else's making (npm smtp-server), as a process of its own.</summary>
public sealed class MailPeer : IAsyncDisposable
{
    private readonly Process _process;
    private readonly ConcurrentQueue<TakenMail> _taken = new();

    private MailPeer(Process process) => _process = process;

    public int Port { get; private set; }

    public static async Task<MailPeer> StartAsync(params (string Name, string Value)[] environment)
    {
        var folder = Path.Combine(CrewExecutable.RepositoryRoot, "tests", "clients");
        if (!Directory.Exists(Path.Combine(folder, "node_modules", "smtp-server")))
        {
            using var install = Process.Start(new ProcessStartInfo("npm", ["ci", "--no-audit", "--no-fund"]) { WorkingDirectory = folder, RedirectStandardOutput = true })!;
            await install.WaitForExitAsync();
        }

        var start = new ProcessStartInfo("node", ["mail/smtp-peer.mjs"]) { WorkingDirectory = folder, RedirectStandardOutput = true };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        var peer = new MailPeer(Process.Start(start)!);
        peer.Port = JsonDocument.Parse((await peer._process.StandardOutput.ReadLineAsync())!).RootElement.GetProperty("port").GetInt32();
        _ = peer.ReadAsync();
        return peer;
    }

    /// <summary>Waits for a mail with a link to an address.</summary>
    public Task<TakenMail> MailToAsync(string address, TimeSpan? patience = null) => FirstAsync(address, mail => !IsNotice(mail), patience ?? TimeSpan.FromSeconds(20));

    /// <summary>Waits for a mail to an address that tells of a change.</summary>
    public Task<TakenMail> NoticeToAsync(string address) => FirstAsync(address, IsNotice, TimeSpan.FromSeconds(20));

    private static bool IsNotice(TakenMail mail) => mail.Message.Contains("Subject: Your account was changed", StringComparison.Ordinal);

    private async Task<TakenMail> FirstAsync(string address, Func<TakenMail, bool> isIt, TimeSpan patience)
    {
        for (var wait = Stopwatch.StartNew(); wait.Elapsed < patience; await Task.Delay(20))
        {
            if (_taken.FirstOrDefault(m => m.To.Contains(address) && isIt(m)) is { } mail)
            {
                return mail;
            }
        }

        throw new TimeoutException($"No mail came for {address}.");
    }

    /// <summary>Waits for the so many-th mail to an address whose link leads below a path, and returns that link's path.</summary>
    public async Task<string> LinkToAsync(string address, string below, int count)
    {
        for (var wait = Stopwatch.StartNew(); wait.Elapsed < TimeSpan.FromSeconds(20); await Task.Delay(20))
        {
            if (_taken.Where(m => m.To.Contains(address)).Select(m => m.LinkPath).Where(path => path.StartsWith(below, StringComparison.Ordinal)).ElementAtOrDefault(count - 1) is { } path)
            {
                return path;
            }
        }

        throw new TimeoutException($"No mail with a link to {below} came for {address}.");
    }

    public int CountTo(string address) => _taken.Count(m => m.To.Contains(address));

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    private async Task ReadAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            _taken.Enqueue(JsonSerializer.Deserialize<TakenMail>(line, JsonSerializerOptions.Web)!);
        }
    }
}
