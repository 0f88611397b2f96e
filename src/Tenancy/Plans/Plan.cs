namespace Crew.Tenancy.Plans;

/// <summary>A preset of limits. Plans are data, never feature gates.</summary>
internal sealed record Plan(
    string Id, int RequestsPerMinute, int MaximumCrews, int MaximumMembers, int MaximumKeys, int MaximumWebhooks, long StorageBytes, bool RequiresMfa)
{
    public static readonly IReadOnlyList<Plan> All =
    [
        new("starter", 60, 3, 5, 25, 5, 5L << 30, false),
        new("professional", 300, 25, 100, 500, 50, 100L << 30, false),
        new("enterprise", 1_000_000, 10_000, 100_000, 1_000_000, 10_000, 1L << 50, true),
    ];

    public static Plan? Find(string id) => All.FirstOrDefault(p => p.Id == id);
}
