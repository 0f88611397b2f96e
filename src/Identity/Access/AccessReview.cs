using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.Access;

/// <summary>One review of a workspace's people, keys and token issuers. There is at most one for each quarter.</summary>
internal sealed class AccessReview : IWorkspaceOwned
{
    /// <summary>How long the workspace has to decide.</summary>
    public const int DueDays = 30;

    public required string Id { get; init; }

    public required string OrganizationId { get; init; }

    public required string WorkspaceId { get; init; }

    /// <summary>Such as <c>2026-Q4</c>.</summary>
    public required string Quarter { get; init; }

    /// <summary>Who opened it; <c>system</c> for those that opened by themselves.</summary>
    public required string OpenedBy { get; init; }

    public required DateTimeOffset OpenedAt { get; init; }

    public required DateTimeOffset DueAt { get; init; }

    public DateTimeOffset? CompletedAt { get; set; }

    public int Reminders { get; set; }

    public DateTimeOffset? RemindedAt { get; set; }

    public long Version { get; set; } = 1;

    public static void Map(ModelBuilder model) => model.Entity<AccessReview>(review =>
    {
        review.ToTable("identity_access_reviews");
        review.HasKey(r => r.Id);
        review.Property(r => r.Version).IsConcurrencyToken();
        review.HasIndex(r => new { r.WorkspaceId, r.Quarter }).IsUnique().HasDatabaseName("identity_access_reviews_quarter");
        review.HasIndex(r => r.DueAt).HasDatabaseName("identity_access_reviews_due");
    });
}

/// <summary>One person, key or issuer under review, with what it was when the review opened. Who it is, is looked up by its id.</summary>
internal sealed class ReviewItem : IWorkspaceOwned
{
    public const string Person = "person";
    public const string Key = "key";

    /// <summary>A key that mints tokens for others.</summary>
    public const string Issuer = "issuer";

    public required string WorkspaceId { get; init; }

    public required string ReviewId { get; init; }

    /// <summary>A membership's or a key's id.</summary>
    public required string SubjectId { get; init; }

    public required string Kind { get; init; }

    public string? UserId { get; init; }

    /// <summary>Role of a person, kind of a key.</summary>
    public required string Role { get; init; }

    /// <summary>Why it reaches in.</summary>
    public required string Via { get; init; }

    public DateTimeOffset? LastUsedAt { get; init; }

    /// <summary><c>keep</c>, <c>revoke</c>, or <c>gone</c> when it had ended before anybody decided.</summary>
    public string? Decision { get; set; }

    public string? DecidedBy { get; set; }

    public DateTimeOffset? DecidedAt { get; set; }

    public static void Map(ModelBuilder model) => model.Entity<ReviewItem>(item =>
    {
        item.ToTable("identity_access_review_items");
        item.HasKey(i => new { i.ReviewId, i.SubjectId });
        item.HasIndex(i => i.WorkspaceId).HasDatabaseName("identity_access_review_items_workspace");
    });
}

/// <summary>The quarters of the year, and when reviews remind. Pure.</summary>
internal static class ReviewCalendar
{
    /// <summary>Reminders of one review: a week before it is due, on the day, and a week after.</summary>
    private static readonly int[] ReminderDays = [-7, 0, 7];

    public static string QuarterOf(DateTimeOffset at) => $"{at.UtcDateTime.Year:D4}-Q{((at.UtcDateTime.Month - 1) / 3) + 1}";

    public static DateTimeOffset StartOf(DateTimeOffset at) => new(at.UtcDateTime.Year, ((at.UtcDateTime.Month - 1) / 3 * 3) + 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>When the next reminder of an open review is due; null after the last.</summary>
    public static DateTimeOffset? NextReminder(DateTimeOffset dueAt, int reminders) => reminders < ReminderDays.Length ? dueAt.AddDays(ReminderDays[reminders]) : null;
}
