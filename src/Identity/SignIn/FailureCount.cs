using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.SignIn;

/// <summary>Failures of one account, network or browser in the present window, over all nodes. What is counted is kept as a keyed hash.</summary>
[InstallationOwned("Guesses come before any tenant is known.")]
internal sealed class FailureCount
{
    public required string Counted { get; init; }

    public required int Failures { get; init; }

    public required DateTimeOffset Since { get; init; }

    public static void Map(ModelBuilder model) => model.Entity<FailureCount>(count =>
    {
        count.ToTable("identity_failures");
        count.HasKey(c => c.Counted);
        count.HasIndex(c => c.Since).HasDatabaseName("identity_failures_since");
    });
}
