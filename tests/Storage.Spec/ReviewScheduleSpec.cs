using Crew.Identity;
using Crew.Identity.Access;
using Crew.Kernel;
using Crew.Keys;
using Crew.Sealing;
using Crew.Tenancy;
using Crew.Tenancy.Contracts;
using Crew.Tenancy.Workspaces;
using Crew.Testing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Storage.Spec;

/// <summary>When reviews open, remind and close by themselves, under a clock that the test moves.</summary>
public sealed class ReviewScheduleSpec
{
    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task A_workspace_gets_one_review_a_quarter_and_three_reminders_of_it(string dialect)
    {
        Assert.SkipUnless(dialect == "sqlite" || PostgresServer.IsAvailable, "No PostgreSQL here.");
        var clock = new FakeClock(new DateTimeOffset(2026, 11, 15, 9, 0, 0, TimeSpan.Zero));
        var folder = Directory.CreateTempSubdirectory("crew-reviews-").FullName;
        await using var store = Store.Open(
            new StoreOptions { DataFolder = folder, PostgresConnectionString = dialect == "postgres" ? await (await PostgresServer.SharedAsync()).CreateDatabaseAsync() : null },
            new StorageModel(StoredKeys.Part, TenancyModule.Part, KeysModule.Part, IdentityModule.Part), [], clock);
        (await store.MigrateAsync()).Fault.ShouldBeNull();
        var keys = (await StoredKeys.OpenAsync(store, MasterKey.Generate(), clock, default)).Value;
        var lazy = new Lazy<StoredKeys>(keys);
        var (people, workspaces) = (new PeopleDirectory(store, lazy), new WorkspaceDirectory(store));
        (await store.StartAsync()).Fault.ShouldBeNull();
        var home = (await new Provisioner(store, keys, clock).CreateAsync("owls", "owner@example.com", Origin.System, default)).Value;
        var place = new Tenant(home.OrganizationId, home.WorkspaceId);
        var maker = new ReviewMaker(store, null, people, workspaces);

        async Task<List<AccessReview>> AtAsync(string day)
        {
            var now = DateTimeOffset.Parse(day + "T10:00:00Z", System.Globalization.CultureInfo.InvariantCulture);
            await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => Task.Run(async () =>
            {
                try
                {
                    await maker.RunAsync(now, default);
                }
                catch (StorageUnavailableException)
                {
                    // Lost a race of this test against the wall that a database keeps; one of the three came through.
                }
            })));
            return await store.ReadAsync(place, db => db.Set<AccessReview>().AsNoTracking().OrderBy(r => r.Id).ToListAsync());
        }

        (await AtAsync("2026-12-20")).ShouldBeEmpty();
        var opened = (await AtAsync("2027-01-01")).ShouldHaveSingleItem();
        (opened.Quarter, opened.OpenedBy, opened.DueAt.UtcDateTime.ToString("yyyy-MM-dd")).ShouldBe(("2027-Q1", "system", "2027-01-31"));
        (await store.ReadAsync(place, db => db.Set<ReviewItem>().Select(i => i.Kind).ToListAsync())).ShouldBe(["person"]);
        foreach (var (day, reminders) in new[] { ("2027-01-15", 0), ("2027-01-25", 1), ("2027-01-26", 1), ("2027-02-01", 2), ("2027-02-08", 3), ("2027-03-20", 3) })
        {
            (await AtAsync(day)).ShouldHaveSingleItem().Reminders.ShouldBe(reminders, day);
        }

        (await AtAsync("2027-04-02")).Select(r => r.Quarter).ShouldBe(["2027-Q1", "2027-Q2"]);
    }
}
