using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Crew.Tenancy.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.Access;

/// <summary>The access reviews of a workspace: list, open, read, decide, report.</summary>
internal static class ReviewRoutes
{
    private const int MostDecisions = 100;

    /// <param name="Status"><c>open</c>, <c>overdue</c> or <c>completed</c>.</param>
    internal sealed record Answer(
        string Id, string Quarter, string Status, string OpenedBy, DateTimeOffset OpenedAt, DateTimeOffset DueAt, DateTimeOffset? CompletedAt, int Items, int Undecided,
        int Kept, int Revoked, int Gone, int Reminders);

    internal sealed record Item(
        string SubjectId, string Kind, string? UserId, string? Email, string? Name, string Role, string Via, DateTimeOffset? LastUsedAt, string? Decision, string? DecidedBy,
        DateTimeOffset? DecidedAt);

    internal sealed record Decision(
        [property: Required, Description("A membership's or a key's id, as the items name it.")] string? SubjectId,
        [property: Required, Description("keep, or revoke, which takes the role away or ends the key at once.")] string? Verdict);

    internal sealed record Request([property: Required, Description("1 to 100 decisions; all of them or, if one is refused, none.")] IReadOnlyList<Decision>? Decisions);

    public static void Map(RouteGroupBuilder reviews)
    {
        reviews.MapGet("/", ListAsync)
            .WithName("AccessReviews.List")
            .WithSummary("List the access reviews of this workspace, newest last.")
            .Requires(CrewSource.None, "members:read")
            .WorkspaceLevel();
        reviews.MapPost("/", OpenAsync)
            .WithName("AccessReviews.Open")
            .WithSummary("Open the review of this quarter now, if it has not opened by itself; else this answers with the one that there is.")
            .WithMetadata(new CreatedRoute())
            .Requires(CrewSource.None, "members:write")
            .WorkspaceLevel()
            .Audited("review.started");
        reviews.MapGet("/{id}", ReadAsync)
            .WithName("AccessReviews.Read")
            .WithSummary("Read one access review with its counts.")
            .Requires(CrewSource.None, "members:read")
            .WorkspaceLevel();
        reviews.MapGet("/{id}/items", ItemsAsync)
            .WithName("AccessReviews.Items")
            .WithSummary("List the people, keys and token issuers under review, with what was decided.")
            .Requires(CrewSource.None, "members:read")
            .WorkspaceLevel();
        reviews.MapPost("/{id}/decisions", DecideAsync)
            .WithName("AccessReviews.Decide")
            .WithSummary("Keep or revoke. What is revoked has ended on every node when this has answered. With nothing left to decide the review is complete. Needs api_keys:write as well.")
            .Requires(CrewSource.None, "members:write")
            .WorkspaceLevel()
            .StepUp()
            .Audited("member.removed", "api_key.revoked", "review.completed")
            .Refuses("version_conflict", "last_owner")
            .Example("""{"decisions": [{"subject_id": "key_01k9x2f7m3q8t0v5w6y4z1a2bc", "verdict": "keep"}]}""");
        ReviewReport.Map(reviews);
    }

    private static async Task<Reply<PageReply<Answer>>> ListAsync(Paging paging, Call call, Store store, CancellationToken cancel)
    {
        if (paging.Fault is { } fault)
        {
            return fault;
        }

        var now = store.Node.GetUtcNow();
        return new PageReply<Answer>(await store.ReadAsync(call.Tenant, async db =>
        {
            var rows = await db.Set<AccessReview>().AsNoTracking().Where(r => paging.Cursor == null || string.Compare(r.Id, paging.Cursor) > 0)
                .OrderBy(r => r.Id).Take(paging.Limit + 1).ToListAsync(cancel);
            var page = Page<AccessReview>.From(rows, paging.Limit, r => Paging.Encode(r.Id));
            var answers = new Dictionary<string, Answer>(StringComparer.Ordinal);
            foreach (var review in page.Items)
            {
                answers[review.Id] = await AnswerOfAsync(db, review, now);
            }

            return page.Select(r => answers[r.Id]);
        }, cancel));
    }

    private static async Task<Reply<Answer>> ReadAsync(string id, Call call, Store store, CancellationToken cancel)
    {
        var now = store.Node.GetUtcNow();
        var found = await store.ReadAsync(call.Tenant, async db =>
            await FindAsync(db, id) is { } review ? (review.Version, Answer: await AnswerOfAsync(db, review, now)) : (0, null), cancel);
        return found.Answer is null ? Faults.NotFound : Reply<Answer>.Ok(found.Answer, found.Version);
    }

    private static async Task<Reply<Answer>> OpenAsync(Call call, Store store, ReviewMaker maker, CancellationToken cancel)
    {
        var now = store.Node.GetUtcNow();
        var quarter = ReviewCalendar.QuarterOf(now);
        var subjects = await maker.SubjectsAsync(call.Tenant, cancel);
        var opened = await store.ChangeAsync<(Answer Answer, long Version)>(call.Tenant, call.Origin, async db =>
        {
            var review = await db.Set<AccessReview>().SingleOrDefaultAsync(r => r.Quarter == quarter)
                ?? await ReviewBook.OpenAsync(db, call.Tenant, subjects.People, subjects.Seen, call.Caller.Actor.Id, now);
            await db.SaveChangesAsync(CancellationToken.None);
            return (await AnswerOfAsync(db, review, now), review.Version);
        }, cancel);
        return opened.Failed(out var fault) ? fault : Reply<Answer>.Created(opened.Value.Answer, opened.Value.Version);
    }

    private static async Task<Reply<PageReply<Item>>> ItemsAsync(string id, Paging paging, Call call, Store store, PeopleDirectory people, CancellationToken cancel)
    {
        if (paging.Fault is { } fault)
        {
            return fault;
        }

        var page = await store.ReadAsync(call.Tenant, async db =>
        {
            if (await FindAsync(db, id) is not { } review)
            {
                return null;
            }

            var rows = await db.Set<ReviewItem>().AsNoTracking().Where(i => i.ReviewId == review.Id && (paging.Cursor == null || string.Compare(i.SubjectId, paging.Cursor) > 0))
                .OrderBy(i => i.SubjectId).Take(paging.Limit + 1).ToListAsync(cancel);
            return Page<ReviewItem>.From(rows, paging.Limit, i => Paging.Encode(i.SubjectId));
        }, cancel);
        if (page is null)
        {
            return Faults.NotFound;
        }

        var known = await people.FindAllAsync(page.Items.Select(i => i.UserId).OfType<string>(), cancel);
        return new PageReply<Item>(page.Select(i => ItemOf(i, known)));
    }

    private static async Task<Reply<Answer>> DecideAsync(
        string id, Body<Request> body, Call call, Store store, IEnumerable<IHoldings> holdings, CancellationToken cancel)
    {
        if (body.Fault is { } broken)
        {
            return broken;
        }

        if (Check(body.Value) is { } wrong)
        {
            return wrong;
        }

        var now = store.Node.GetUtcNow();
        var decided = await store.ChangeAsync<(Answer Answer, long Version)>(call.Tenant, call.Origin, async db =>
        {
            if (await FindAsync(db, id) is not { } review)
            {
                return Faults.NotFound;
            }

            if (call.CheckVersion(review.Version) is { } stale)
            {
                return stale;
            }

            for (var index = 0; index < body.Value.Decisions!.Count; index++)
            {
                if (await ReviewVerdict.GiveAsync(db, call, review, body.Value.Decisions[index], holdings, index, now) is { } refused)
                {
                    return refused;
                }
            }

            await db.SaveChangesAsync(CancellationToken.None);
            await ReviewBook.SettleAsync(db, review, now);
            await db.SaveChangesAsync(CancellationToken.None);
            return (await AnswerOfAsync(db, review, now), review.Version);
        }, cancel);
        return decided.Failed(out var fault) ? fault : Reply<Answer>.Ok(decided.Value.Answer, decided.Value.Version);
    }

    public static async Task<AccessReview?> FindAsync(Db db, string id) =>
        Id.IsValid(id, IdPrefix.Review) ? await db.Set<AccessReview>().SingleOrDefaultAsync(r => r.Id == id) : null;

    public static Item ItemOf(ReviewItem item, IReadOnlyDictionary<string, Person> people)
    {
        var person = item.UserId is { } id ? people.GetValueOrDefault(id) : null;
        return new Item(item.SubjectId, item.Kind, item.UserId, person?.Email, person?.Name, item.Role, item.Via, item.LastUsedAt, item.Decision, item.DecidedBy, item.DecidedAt);
    }

    private static Fault? Check(Request request)
    {
        if (request.Decisions is not { Count: > 0 and <= MostDecisions } decisions || decisions.Any(d => d is null))
        {
            return Faults.Invalid("decisions", $"decisions must be a list of 1 to {MostDecisions} objects with subject_id and verdict.");
        }

        return decisions.Any(d => d.Verdict is not ("keep" or "revoke")) ? Faults.Invalid("decisions", "verdict must be keep or revoke.")
            : decisions.DistinctBy(d => d.SubjectId).Count() != decisions.Count ? Faults.Invalid("decisions", "Each subject_id stands once.")
            : null;
    }

    private static async Task<Answer> AnswerOfAsync(Db db, AccessReview review, DateTimeOffset now)
    {
        var counts = await db.Set<ReviewItem>().Where(i => i.ReviewId == review.Id).GroupBy(i => i.Decision).Select(g => new { g.Key, Count = g.Count() }).ToListAsync();
        int Of(string? decision) => counts.Where(c => c.Key == decision).Sum(c => c.Count);
        return new Answer(review.Id, review.Quarter, review.CompletedAt is not null ? "completed" : review.DueAt <= now ? "overdue" : "open", review.OpenedBy, review.OpenedAt,
            review.DueAt, review.CompletedAt, counts.Sum(c => c.Count), Of(null), Of("keep"), Of("revoke"), Of("gone"), review.Reminders);
    }
}
