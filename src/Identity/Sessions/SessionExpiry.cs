using Crew.Identity.Accounts;
using Crew.Identity.Letters;
using Crew.Identity.SignIn;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.Sessions;

/// <summary>Removes sessions and tickets a week after their end: nobody can use them, and where somebody came from should not stay for good.</summary>
internal sealed class SessionExpiry : IExpiry
{
    private const int KeptDays = 7;

    public async Task RunAsync(ExpiryRun run, CancellationToken cancel)
    {
        var before = run.Now.AddDays(-KeptDays);
        await run.RemoveAsync(async db =>
        {
            var ids = await db.Set<Session>().Where(s => s.ExpiresAt < before).OrderBy(s => s.ExpiresAt).Select(s => s.Id).Take(ExpiryRun.StepRows).ToListAsync(cancel);
            return await db.Set<Session>().Where(s => ids.Contains(s.Id)).ExecuteDeleteAsync(cancel);
        }, cancel);
        await run.RemoveAsync(async db =>
        {
            var ids = await db.Set<QueuedLetter>().Where(l => l.ExpiresAt < run.Now).OrderBy(l => l.ExpiresAt).Select(l => l.Id).Take(ExpiryRun.StepRows).ToListAsync(cancel);
            return await db.Set<QueuedLetter>().Where(l => ids.Contains(l.Id)).ExecuteDeleteAsync(cancel);
        }, cancel);
        await run.RemoveAsync(async db =>
        {
            var over = run.Now - Throttle.Window;
            var counted = await db.Set<FailureCount>().Where(c => c.Since < over).OrderBy(c => c.Since).Select(c => c.Counted).Take(ExpiryRun.StepRows).ToListAsync(cancel);
            return await db.Set<FailureCount>().Where(c => counted.Contains(c.Counted)).ExecuteDeleteAsync(cancel);
        }, cancel);
        await run.RemoveAsync(async db =>
        {
            var ids = await db.Set<Ticket>().Where(t => t.ExpiresAt < before).OrderBy(t => t.ExpiresAt).Select(t => t.TokenHash).Take(ExpiryRun.StepRows).ToListAsync(cancel);
            return await db.Set<Ticket>().Where(t => ids.Contains(t.TokenHash)).ExecuteDeleteAsync(cancel);
        }, cancel);
    }
}
