using Crew.Identity.Tokens;
using Crew.Kernel;
using Crew.Keys.Contracts;
using Crew.Storage;
using Crew.Tenancy.Contracts;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.Access;

/// <summary>Opens and closes reviews, inside a transaction that sees the workspace.</summary>
internal static class ReviewBook
{
    /// <summary>Items of one review of a kind; of more the oldest. The largest plan allows as many people.</summary>
    public const int MostOfAKind = 10_000;

    /// <summary>Opens the review of a quarter with everybody and everything that reaches in at this moment.</summary>
    public static async Task<AccessReview> OpenAsync(
        Db db, Tenant place, IReadOnlyList<(string UserId, PersonRole Role)> people, IReadOnlyDictionary<string, DateTimeOffset> seen, string openedBy, DateTimeOffset now)
    {
        var review = new AccessReview
        {
            Id = Id.New(IdPrefix.Review, now),
            OrganizationId = place.OrganizationId,
            WorkspaceId = place.WorkspaceId!,
            Quarter = ReviewCalendar.QuarterOf(now),
            OpenedBy = openedBy,
            OpenedAt = now,
            DueAt = now.AddDays(AccessReview.DueDays),
        };
        db.Add(review);
        foreach (var (userId, role) in people.Take(MostOfAKind))
        {
            db.Add(new ReviewItem
            {
                WorkspaceId = review.WorkspaceId,
                ReviewId = review.Id,
                SubjectId = role.MembershipId,
                Kind = ReviewItem.Person,
                UserId = userId,
                Role = role.Role,
                Via = role.Environments is null ? "membership" : string.Join(' ', role.Environments.Select(e => e.ToName())),
                LastUsedAt = seen.TryGetValue(userId, out var at) ? at : null,
            });
        }

        var live = await db.Set<TokenFamily>().Where(f => f.WorkspaceId == place.WorkspaceId && f.RevokedAt == null && f.EndsAt > now).Select(f => f.KeyId).Distinct().ToListAsync();
        foreach (var key in await KeyReach.InAsync(db, place, now, MostOfAKind, CancellationToken.None))
        {
            db.Add(new ReviewItem
            {
                WorkspaceId = review.WorkspaceId,
                ReviewId = review.Id,
                SubjectId = key.Id,
                Kind = key.MintsTokens || live.Contains(key.Id) ? ReviewItem.Issuer : ReviewItem.Key,
                UserId = key.UserId,
                Role = key.Kind,
                Via = key.Why,
                LastUsedAt = key.LastUsedAt,
            });
        }

        db.Raise(new Event("review.started", new Resource("review", review.Id, review.Quarter)) { Tenant = place });
        return review;
    }

    /// <summary>Notes what has ended by itself, and completes the review when nothing is left to decide.</summary>
    public static async Task SettleAsync(Db db, AccessReview review, DateTimeOffset now)
    {
        if (review.CompletedAt is not null)
        {
            return;
        }

        var place = new Tenant(review.OrganizationId, review.WorkspaceId);
        var open = await db.Set<ReviewItem>().Where(i => i.ReviewId == review.Id && i.Decision == null).ToListAsync();
        var members = await Memberships.IdsAsync(db, place.WorkspaceId!);
        var keys = (await KeyReach.InAsync(db, place, now, int.MaxValue, CancellationToken.None)).Select(k => k.Id).ToHashSet(StringComparer.Ordinal);
        var left = 0;
        foreach (var item in open)
        {
            if (item.Kind == ReviewItem.Person ? members.Contains(item.SubjectId) : keys.Contains(item.SubjectId))
            {
                left++;
                continue;
            }

            (item.Decision, item.DecidedAt) = ("gone", now);
        }

        if (left == 0)
        {
            review.CompletedAt = now;
            db.Raise(new Event("review.completed", new Resource("review", review.Id, review.Quarter)) { Tenant = place });
        }

        review.Version++;
    }
}
