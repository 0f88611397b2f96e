using Crew.Audit.Contracts;
using Crew.Kernel;
using Crew.Mail;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Audit.Alerts;

/// <summary>
/// Writes to people about alerts. An attempt is entered before it is made, so that a crash in between costs a second mail at most, and never an
/// endless number; after the last one the alert says that its mail failed.
/// </summary>
internal sealed class AlertPost(
    Store store, Election? election, AlertRules rules, IWorkspaceOwners owners, IWorkspaceDirectory workspaces, AlertOptions options, TimeProvider clock)
{
    private const int MostAtOnce = 20;

    /// <summary>Mails of one workspace in an hour: a flood of alerts is read in the list, not in a mailbox.</summary>
    private const int MostInAnHour = 20;

    private static readonly TimeSpan[] Pauses = [TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(30), TimeSpan.FromHours(2), TimeSpan.FromHours(6)];

    private readonly SmtpSender? _sender = options.Mail is null ? null : new SmtpSender(options.Mail, clock);

    /// <summary>Sends what is due; returns how many alerts were tried.</summary>
    public async Task<int> DeliverAsync(CancellationToken cancel)
    {
        var due = await TakeAsync(cancel);
        foreach (var alert in due)
        {
            await SendAsync(alert, cancel);
        }

        return due.Count;
    }

    /// <summary>Takes the alerts whose time has come, and enters the attempt.</summary>
    private async Task<List<Alert>> TakeAsync(CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        if (!await store.ReadAsync(SystemJob.Alerts, db => db.Set<Alert>().AnyAsync(a => a.MailState == "pending" && a.MailNextAt <= now, cancel), cancel))
        {
            return [];
        }

        var taken = await ChangeAsync<List<Alert>>(async db =>
        {
            var tried = new List<Alert>();
            foreach (var alert in await db.Set<Alert>().Where(a => a.MailState == "pending" && a.MailNextAt <= now).OrderBy(a => a.MailNextAt).Take(MostAtOnce).ToListAsync())
            {
                var hour = now.AddHours(-1);
                var lately = await db.Set<Alert>().CountAsync(a => a.WorkspaceId == alert.WorkspaceId && a.MailedAt > hour) + tried.Count(a => a.WorkspaceId == alert.WorkspaceId);
                if (_sender is null || lately >= MostInAnHour)
                {
                    (alert.MailState, alert.Version) = (_sender is null ? "none" : "withheld", alert.Version + 1);
                    continue;
                }

                (alert.MailNextAt, alert.MailAttempts, alert.Version) = (now + Pauses[Math.Min(alert.MailAttempts, Pauses.Length - 1)], alert.MailAttempts + 1, alert.Version + 1);
                tried.Add(alert);
            }

            return tried;
        }, cancel);
        return taken.Fault is null ? taken.Value : [];
    }

    private async Task SendAsync(Alert alert, CancellationToken cancel)
    {
        var place = new Tenant(alert.OrganizationId, alert.WorkspaceId);
        var own = await store.ReadAsync(SystemJob.Alerts, db => db.Set<AlertRule>().AsNoTracking()
            .SingleOrDefaultAsync(r => r.WorkspaceId == alert.WorkspaceId && r.Kind == alert.Kind, cancel), cancel);
        var recipients = rules.RecipientsOf(own) is { Count: > 0 } named ? named : await owners.EmailsAsync(place, cancel);
        var name = (await workspaces.FindAsync(alert.OrganizationId, alert.WorkspaceId, cancel))?.Name ?? alert.WorkspaceId;
        var taken = 0;
        foreach (var recipient in recipients)
        {
            taken += await _sender!.SendAsync(AlertLetter.Of(alert, recipient, name, options.PublicUrl), cancel) is null ? 1 : 0;
        }

        // Told is told: an address that refuses must not have the others written to again and again.
        var state = recipients.Count == 0 ? "none" : taken > 0 ? "sent" : alert.MailAttempts > Pauses.Length ? "failed" : "pending";
        await ChangeAsync<bool>(async db =>
        {
            var now = clock.GetUtcNow();
            await db.Set<Alert>().Where(a => a.Id == alert.Id).ExecuteUpdateAsync(a => a
                .SetProperty(p => p.MailState, state).SetProperty(p => p.MailedAt, state == "sent" ? now : null).SetProperty(p => p.Version, p => p.Version + 1), CancellationToken.None);
            return true;
        }, cancel);
    }

    private Task<Outcome<T>> ChangeAsync<T>(Func<Db, Task<Outcome<T>>> work, CancellationToken cancel) => election is null
        ? store.ChangeAsync(SystemJob.Alerts, Origin.System, work, cancel)
        : election.ChangeAsync(Duty.Alerts, SystemJob.Alerts, work, cancel);
}
