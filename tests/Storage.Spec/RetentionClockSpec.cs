using Crew.Kernel;
using Crew.Testing;

namespace Crew.Storage.Spec;

/// <summary>A clock that is far ahead expires nothing until it has run on for a day.</summary>
public sealed class RetentionClockSpec
{
    private static readonly DateTimeOffset Today = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task A_clock_that_is_set_a_year_ahead_is_not_believed_for_a_day(string dialect)
    {
        Assert.SkipUnless(dialect == "sqlite" || PostgresServer.IsAvailable, "PostgreSQL is not installed.");
        var folder = Directory.CreateTempSubdirectory("crew-clock-").FullName;
        var connection = dialect == "postgres" ? await (await PostgresServer.SharedAsync()).CreateDatabaseAsync() : null;
        var options = new StoreOptions { DataFolder = folder, PostgresConnectionString = connection };
        await using (var store = Store.Open(options, new StorageModel(new SpecPart()), [], TimeProvider.System))
        {
            (await store.MigrateAsync()).Fault.ShouldBeNull();
            (await store.StartAsync()).Fault.ShouldBeNull();
            var (hour, ahead) = (TimeSpan.FromHours(1), Today.AddYears(1));
            (await LookAsync(store, Today, default)).ShouldBe(new RetentionMoment(Today, null), "nothing is known before the first look");
            (await LookAsync(store, Today + hour, hour)).ShouldBe(new RetentionMoment(Today + hour, null));

            // What has really passed is counted meanwhile, also by the next process, which does not know since when.
            (await LookAsync(store, ahead, default)).ShouldBe(new RetentionMoment(Today + hour, Today + hour));
            (await LookAsync(store, ahead + (5 * hour), 5 * hour)).ShouldBe(new RetentionMoment(Today + (6 * hour), Today + hour));
            (await LookAsync(store, ahead + (9 * hour), default)).ShouldBe(new RetentionMoment(Today + (6 * hour), Today + hour));

            // Set right again: everything goes on at once.
            (await LookAsync(store, Today + (8 * hour), 2 * hour)).ShouldBe(new RetentionMoment(Today + (8 * hour), null));

            // It stays ahead for a day: then it is the time.
            (await LookAsync(store, ahead, default)).AheadOf.ShouldNotBeNull();
            (await LookAsync(store, ahead + (23 * hour), 23 * hour)).AheadOf.ShouldNotBeNull();
            (await LookAsync(store, ahead + (24 * hour), hour)).ShouldBe(new RetentionMoment(ahead + (24 * hour), null));

            // Back: nothing expires early by it, and from there it is judged anew.
            (await LookAsync(store, Today, default)).ShouldBe(new RetentionMoment(Today, null));
            (await LookAsync(store, ahead, default)).AheadOf.ShouldBe(Today);
            (await store.ExamineAsync()).Single(f => f.Name == "retention_clock").Level.ShouldBe(
                DateTimeOffset.UtcNow - Today > RetentionClock.MostAhead ? FindingLevel.Warning : FindingLevel.Ok);
            await ConfirmAsync(store);
        }

        Directory.Delete(folder, recursive: true);
    }

    /// <summary>Who says that it is right has to know what it is.</summary>
    private static async Task ConfirmAsync(Store store)
    {
        var (now, cancel) = (DateTimeOffset.UtcNow, TestContext.Current.CancellationToken);
        (await LookAsync(store, now.AddYears(-1), default)).AheadOf.ShouldBeNull();
        (await RetentionClock.ReadAsync(store, cancel)).IsSuspect.ShouldBeTrue();
        var unsure = await RetentionClock.ConfirmAsync(store, Origin.System, now.AddHours(1), cancel);
        unsure.Fault!.Code.ShouldBe("invalid_request");
        (await RetentionClock.ReadAsync(store, cancel)).IsSuspect.ShouldBeTrue("nothing was changed");
        (await RetentionClock.ConfirmAsync(store, Origin.System, now, cancel)).Value.IsSuspect.ShouldBeTrue();
        (await RetentionClock.ReadAsync(store, cancel)).IsSuspect.ShouldBeFalse();
        (await LookAsync(store, DateTimeOffset.UtcNow, default)).AheadOf.ShouldBeNull();
    }

    private static Task<RetentionMoment> LookAsync(Store store, DateTimeOffset now, TimeSpan elapsed) =>
        RetentionClock.LookAsync(store, null, now, elapsed, TestContext.Current.CancellationToken);
}
