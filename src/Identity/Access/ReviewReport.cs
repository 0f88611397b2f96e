using System.Text;
using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Crew.Tenancy.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.Access;

/// <summary>A review as a file for whoever audits the workspace.</summary>
internal static class ReviewReport
{
    private static readonly string[] _columns =
        ["review_id", "quarter", "subject_id", "kind", "user_id", "email", "name", "role", "via", "last_used_at", "decision", "decided_by", "decided_at"];

    public static void Map(RouteGroupBuilder reviews) =>
        reviews.MapGet("/{id}/report", Handle)
            .WithName("AccessReviews.Report")
            .WithSummary("The whole review as CSV: who and what reached in, what was decided, by whom and when.")
            .Produces<string>(StatusCodes.Status200OK, "text/csv")
            .Requires(CrewSource.None, "members:read")
            .WorkspaceLevel();

    private static async Task<IResult> Handle(string id, Call call, Store store, PeopleDirectory people, CancellationToken cancel)
    {
        var (review, items) = await store.ReadAsync(call.Tenant, async db =>
        {
            var found = await ReviewRoutes.FindAsync(db, id);
            return (found, found is null ? [] : await db.Set<ReviewItem>().AsNoTracking().Where(i => i.ReviewId == found.Id)
                .OrderBy(i => i.SubjectId).Take(2 * ReviewBook.MostOfAKind).ToListAsync(cancel));
        }, cancel);
        if (review is null)
        {
            return (Reply<string>)Faults.NotFound;
        }

        var known = await people.FindAllAsync(items.Select(i => i.UserId).OfType<string>(), cancel);
        var csv = new StringBuilder(Csv.Line(_columns));
        foreach (var item in items.Select(i => ReviewRoutes.ItemOf(i, known)))
        {
            csv.Append(Csv.Line(
            [
                review.Id, review.Quarter, item.SubjectId, item.Kind, item.UserId, item.Email, item.Name, item.Role, item.Via, Text(item.LastUsedAt),
                item.Decision, item.DecidedBy, Text(item.DecidedAt),
            ]));
        }

        return new FileReply($"access-review-{review.Quarter}.csv", "text/csv; charset=utf-8; header=present", Encoding.UTF8.GetBytes(csv.ToString()));
    }

    private static string? Text(DateTimeOffset? at) => at is { } moment ? Timestamp.ToText(moment) : null;
}
