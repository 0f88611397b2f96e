using Crew.Http;
using Crew.Kernel;
using Crew.Keys.Contracts;
using Crew.Storage;
using Crew.Tenancy.Contracts;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.Access;

/// <summary>One decision of a review, and what it does.</summary>
internal static class ReviewVerdict
{
    /// <summary>Gives the verdict; what may not be done is refused, and says at which of the decisions.</summary>
    public static async Task<Fault?> GiveAsync(
        Db db, Call call, AccessReview review, ReviewRoutes.Decision decision, IEnumerable<IHoldings> holdings, int index, DateTimeOffset now)
    {
        var place = $"decisions[{index}]";
        if (await db.Set<ReviewItem>().SingleOrDefaultAsync(i => i.ReviewId == review.Id && i.SubjectId == decision.SubjectId) is not { } item)
        {
            return Faults.Invalid($"{place}.subject_id", "This is nothing that the review names. Take subject_id from its items.");
        }

        if (item.Decision == decision.Verdict)
        {
            return null;
        }

        if (item.Decision is "revoke" or "gone")
        {
            return Faults.Invalid($"{place}.verdict", "This has ended already and cannot be kept. Invite the person again, or make another key.");
        }

        if (item.Kind != ReviewItem.Person && !call.May(Permissions.Of("api_keys:write")))
        {
            return Faults.InsufficientPermissions("api_keys:write").At($"{place}.subject_id");
        }

        if (decision.Verdict == "revoke")
        {
            var ended = item.Kind == ReviewItem.Person
                ? await Memberships.RemoveAsync(db, call, item.SubjectId, holdings, now)
                : await WorkspaceKeys.RevokeAsync(db, call, item.SubjectId, "access_review", now);

            // What has ended by itself meanwhile is as the verdict wants it.
            if (ended.Failed(out var refused) && refused.Code != Faults.NotFound.Code)
            {
                return refused.At($"{place}.subject_id");
            }
        }

        (item.Decision, item.DecidedBy, item.DecidedAt) = (decision.Verdict, call.Caller.Actor.Id, now);
        return null;
    }
}
