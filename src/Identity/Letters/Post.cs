using System.Threading.Channels;
using Crew.Kernel;
using Crew.Mail;
using Crew.Storage;
using Microsoft.Extensions.Hosting;

namespace Crew.Identity.Letters;

/// <summary>
/// Sends letters: at once, where the answer depends on it, or behind an answer that must tell nothing. What waits is bounded and in memory
/// only, because a letter holds a link of which nothing but the hash may be kept; who gets none asks again.
/// </summary>
internal sealed class Post(SmtpSettings? settings, TimeProvider clock) : BackgroundService
{
    private const int MostWaiting = 500;

    /// <summary>How often the same letter is sent to the same address, at most.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMinutes(1);

    private readonly SmtpSender? _sender = settings is null ? null : new SmtpSender(settings, clock);
    private readonly Channel<Func<CancellationToken, Task<Outgoing?>>> _waiting = Channel.CreateBounded<Func<CancellationToken, Task<Outgoing?>>>(MostWaiting);
    private readonly Dictionary<string, DateTimeOffset> _lately = new(StringComparer.Ordinal);

    /// <summary>Whether there is a mail server.</summary>
    public bool IsConfigured => _sender is not null;

    public Task<Fault?> SendAsync(Letter letter, CancellationToken cancel) =>
        _sender is null ? throw new InvalidOperationException("There is no mail server.") : _sender.SendAsync(letter, cancel);

    /// <summary>Writes and sends a letter later. One that went out a moment ago, or does not fit any more, is left out: that looks alike from outside.</summary>
    /// <param name="what">The letter and its addressee, hashed: what counts as the same letter.</param>
    /// <param name="write">Writes the letter, or null when there is nobody to write to.</param>
    public void Later(string what, Func<CancellationToken, Task<Outgoing?>> write)
    {
        var now = clock.GetUtcNow();
        lock (_lately)
        {
            if (_lately.Count > MostWaiting * 10)
            {
                _lately.Where(l => l.Value + Pause <= now).Select(l => l.Key).ToList().ForEach(l => _lately.Remove(l));
            }

            if (_lately.TryGetValue(what, out var last) && last + Pause > now)
            {
                return;
            }

            _lately[what] = now;
        }

        _waiting.Writer.TryWrite(write);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await foreach (var write in _waiting.Reader.ReadAllAsync(stoppingToken))
            {
                try
                {
                    if (await write(stoppingToken) is { } outgoing && _sender is not null && await _sender.SendAsync(outgoing.Letter, stoppingToken) is not null)
                    {
                        await outgoing.Unsent();
                    }
                }
                catch (StorageUnavailableException)
                {
                    // The ticket could not be made, so there is no letter; or it could not be ended, and ends by itself.
                }
            }
        }
        catch (OperationCanceledException)
        {
            // What waits is not sent: whoever asked for it asks again.
        }
    }
}

/// <summary>A letter to be sent later.</summary>
/// <param name="Unsent">What to do when nobody takes it.</param>
internal sealed record Outgoing(Letter Letter, Func<Task> Unsent);
