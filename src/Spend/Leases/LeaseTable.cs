using Crew.Storage;

namespace Crew.Spend;

/// <summary>The running sums that are kept in the rows of <c>spend_leases</c>.</summary>
internal static class LeaseTable
{
    public static readonly CounterTable Settled = new("spend_leases", "id", "settled_nano");
}
