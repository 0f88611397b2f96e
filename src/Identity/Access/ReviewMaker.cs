using Crew.Kernel;
using Crew.Storage;
using Crew.Tenancy.Contracts;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.Access;

/// <summary>Who is to be reviewed, read before the transaction that opens a review: on SQLite that one runs on the writing thread.</summary>
internal sealed record ReviewSubjects(IReadOnlyList<(string UserId, PersonRole Role)> People, IReadOnlyDictionary<string, DateTimeOffset> Seen);

/// <summary>
/// Opens a review for every workspace at the start of each quarter, reminds of those that are not done, and closes those with nothing left to
/// decide. On the node that leads the upkeep; each review is one transaction, and what was not reached is done by the next run.
/// </summary>
internal sealed class ReviewMaker(Store store, Election? election, PeopleDirectory people, IWorkspaceDirectory workspaces)
{
    /// <summary>Reviews that are settled and reminded of in one run.</summary>
    private const int MostReminded = 500;

    public async Task<ReviewSubjects> SubjectsAsync(Tenant place, CancellationToken cancel)
    {
        var ids = await store.ReadAsync(place, db => People.InAsync(db, place.WorkspaceId!, cancel), cancel);
        var known = await people.FindAllAsync(ids, cancel);
        return new ReviewSubjects(
            [.. known.OrderBy(p => p.Key, StringComparer.Ordinal).SelectMany(p => p.Value.Roles.Where(r => r.WorkspaceId == place.WorkspaceId).Select(r => (p.Key, r)))],
            await CrewAccess.SeenAsync(store, [.. ids], cancel));
    }

    /// <summary>One run. A workspace that was made within the quarter has its first review in the next one.</summary>
    public async Task RunAsync(DateTimeOffset now, CancellationToken cancel)
    {
        var (quarter, start) = (ReviewCalendar.QuarterOf(now), ReviewCalendar.StartOf(now).ToUnixTimeMilliseconds());
        var reviewed = await store.ReadAsync(SystemJob.AccessReviews, async db =>
            (await db.Set<AccessReview>().Where(r => r.Quarter == quarter).Select(r => r.WorkspaceId).ToListAsync(cancel)).ToHashSet(StringComparer.Ordinal), cancel);
        foreach (var place in (await workspaces.RetentionAsync(cancel)).Select(t => t.Tenant))
        {
            if (!reviewed.Contains(place.WorkspaceId!) && Id.TryReadTime(place.WorkspaceId, IdPrefix.Workspace, out var madeAt) && madeAt < start
                && await workspaces.FindAsync(place.OrganizationId, place.WorkspaceId!, cancel) is not null)
            {
                await OpenAsync(place, quarter, now, cancel);
            }
        }

        await RemindAsync(now, cancel);
    }

    private async Task OpenAsync(Tenant place, string quarter, DateTimeOffset now, CancellationToken cancel)
    {
        var subjects = await SubjectsAsync(place, cancel);
        var opened = await ChangeAsync(async db =>
        {
            if (!await db.Set<AccessReview>().AnyAsync(r => r.WorkspaceId == place.WorkspaceId && r.Quarter == quarter))
            {
                await ReviewBook.OpenAsync(db, place, subjects.People, subjects.Seen, "system", now);
            }

            return true;
        }, cancel);
        if (opened.Fault is not null)
        {
            throw new StorageUnavailableException("A review could not be opened.", null);
        }
    }

    private async Task RemindAsync(DateTimeOffset now, CancellationToken cancel)
    {
        var soon = now.AddDays(7);
        var ids = await store.ReadAsync(SystemJob.AccessReviews, db => db.Set<AccessReview>().AsNoTracking()
            .Where(r => r.CompletedAt == null && r.DueAt <= soon).OrderBy(r => r.DueAt).Take(MostReminded).Select(r => r.Id).ToListAsync(cancel), cancel);
        foreach (var id in ids)
        {
            await ChangeAsync(async db =>
            {
                var review = await db.Set<AccessReview>().SingleAsync(r => r.Id == id);
                if (ReviewCalendar.NextReminder(review.DueAt, review.Reminders) is not { } due || due > now)
                {
                    return true;
                }

                (review.Reminders, review.RemindedAt) = (review.Reminders + 1, now);
                await ReviewBook.SettleAsync(db, review, now);
                if (review.CompletedAt is null)
                {
                    db.Raise(new Event("review.reminded", new Resource("review", review.Id, review.Quarter)) { Tenant = new Tenant(review.OrganizationId, review.WorkspaceId) });
                }

                return true;
            }, cancel);
        }
    }

    private Task<Outcome<bool>> ChangeAsync(Func<Db, Task<Outcome<bool>>> work, CancellationToken cancel) => election is null
        ? store.ChangeAsync(SystemJob.AccessReviews, Origin.System, work, cancel)
        : election.ChangeAsync(Duty.Upkeep, SystemJob.AccessReviews, work, cancel);
}
