using Crew.Identity.Invitations;
using Crew.Kernel;
using Crew.Mail;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;

namespace Crew.Identity.Letters;

/// <summary>
/// Sends letters: at once, where the answer depends on it, or those of the queue, behind answers that must tell nothing. Each is taken by one node, sent
/// at least once, and tried again with growing pauses; what the mail server refuses for good is not.
/// </summary>
internal sealed class Post(SmtpSettings? settings, Store store, LetterQueue queue, LetterDesk desk, TimeProvider clock) : BackgroundService
{
    private const int PeriodSeconds = 1;

    /// <summary>From this reply on the server means it for good (RFC 5321 section 4.2.1).</summary>
    private const int RefusedForGood = 500;

    private readonly SmtpSender? _sender = settings is null ? null : new SmtpSender(settings, clock);

    /// <summary>Whether there is a mail server.</summary>
    public bool IsConfigured => _sender is not null;

    public Task<Fault?> SendAsync(Letter letter, CancellationToken cancel) =>
        _sender is null ? throw new InvalidOperationException("There is no mail server.") : _sender.SendAsync(letter, cancel);

    /// <summary>Sends what is due. Idempotent: what another node has taken is not due.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        var isDue = await store.ReadAsync(SystemJob.People, async db => await db.Set<QueuedLetter>().AnyAsync(l => l.DueAt <= now, cancel)
            || await db.Set<Invitation>().AnyAsync(i => i.MailDueAt <= now, cancel), cancel);
        if (!isDue)
        {
            return;
        }

        // Two nodes that take at one moment meet at a row: one of them looks again at its next tick.
        var taken = await store.ChangeAsync<(List<QueuedLetter> Letters, List<Invitation> Invitations)>(SystemJob.People, Origin.System,
            async db => (await queue.TakeAsync(db), await InvitationBook.TakeUnsentAsync(db, now)), cancel);
        if (taken.Failed(out _))
        {
            return;
        }

        foreach (var letter in taken.Value.Letters)
        {
            var written = await desk.WriteAsync(letter, cancel);
            var isOver = written is null || await IsOverAsync(written.Letter, cancel);
            if (!isOver && written?.Link is { } unsent)
            {
                await desk.EndUnsentAsync(unsent);
            }

            await store.ChangeAsync<bool>(SystemJob.People, Origin.System,
                async db => isOver ? await LetterQueue.DoneAsync(db, letter.Id) : await queue.RetryAsync(db, letter.Id), cancel);
        }

        foreach (var invitation in taken.Value.Invitations)
        {
            if (await IsOverAsync(await desk.InviteAsync(invitation, cancel), cancel))
            {
                await store.ChangeAsync<bool>(SystemJob.People, Origin.System, async db => await InvitationBook.SentAsync(db, invitation.Id), cancel);
            }
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (_sender is null)
        {
            return;
        }

        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(PeriodSeconds), clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                try
                {
                    await RunAsync(stoppingToken);
                }
                catch (StorageUnavailableException)
                {
                    // What is due stays due.
                }
            }
        }
        catch (OperationCanceledException)
        {
            // What waits is sent by another node, or after the next start.
        }
    }

    /// <summary>Whether a letter needs no further try: it was sent, nobody is to get it, or the server never takes it.</summary>
    private async Task<bool> IsOverAsync(Letter? letter, CancellationToken cancel) =>
        letter is null || await SendAsync(letter, cancel) is not { } fault
        || (fault.Details?.GetValueOrDefault("reply") is int reply && reply >= RefusedForGood);
}
