using System.Globalization;
using System.Text.Json;
using Microsoft.Data.Sqlite;

namespace Crew.Host.Tests;

/// <summary>An operator who knows that the clock is right need not wait a day for it to be believed.</summary>
public sealed class ClockCommandTests
{
    private static readonly Uri Ready = new("/health/ready", UriKind.Relative);

    [Fact]
    public async Task A_clock_that_is_not_believed_is_confirmed_by_who_knows_the_time()
    {
        await using var server = await CrewServer.StartNewAsync();
        await server.StopAsync();

        // As if it had been off for a year.
        SQLitePCL.Batteries_V2.Init();
        var before = DateTimeOffset.UtcNow.AddYears(-1).ToUnixTimeMilliseconds();
        await using (var connection = new SqliteConnection($"Data Source={Path.Combine(server.DataFolder, "crew.db")};Pooling=False"))
        {
            await connection.OpenAsync(TestContext.Current.CancellationToken);
            await using var command = connection.CreateCommand();
            command.CommandText = $"INSERT INTO storage_clock (id, trusted_at, held_ms) VALUES (1, {before}, 0) ON CONFLICT (id) DO UPDATE SET trusted_at = {before}, held_ms = 0";
            (await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken)).ShouldBe(1);
        }

        await server.StartAsync();
        await EventuallyAsync(async () => (await server.Client(null).GetStringAsync(Ready)).Contains("retention held", StringComparison.Ordinal));
        (await RunAsync(server, "show")).GetProperty("was_suspect").GetBoolean().ShouldBeTrue();

        var habit = await server.CommandAsync("clock", "confirm", "--data", server.DataFolder, "2026-01-01T00:00Z");
        habit.ExitCode.ShouldBe(1);
        habit.Error.ShouldContain("more than 5 minutes from the time that was given");
        var unread = await server.CommandAsync("clock", "confirm", "--data", server.DataFolder, "now");
        unread.ExitCode.ShouldBe(1);
        unread.Error.ShouldContain("2026-12-01T14:30Z");

        var confirmed = await RunAsync(server, "confirm", DateTimeOffset.UtcNow.ToString("yyyy-MM-ddTHH:mmZ", CultureInfo.InvariantCulture));
        confirmed.GetProperty("was_suspect").GetBoolean().ShouldBeTrue();
        await EventuallyAsync(async () => !(await server.Client(null).GetStringAsync(Ready)).Contains("retention", StringComparison.Ordinal));
        (await RunAsync(server, "show")).GetProperty("was_suspect").GetBoolean().ShouldBeFalse();
        (await server.CommandAsync("audit", "list", "--data", server.DataFolder)).Output.ShouldContain("operator.clock.confirmed");
    }

    private static async Task<JsonElement> RunAsync(CrewServer server, string command, params string[] arguments)
    {
        var ran = await server.CommandAsync(["clock", command, "--data", server.DataFolder, "--json", .. arguments]);
        ran.ExitCode.ShouldBe(0, ran.Error);
        return JsonDocument.Parse(ran.Output).RootElement;
    }

    private static async Task EventuallyAsync(Func<Task<bool>> holds)
    {
        for (var waited = 0; !await holds(); waited += 100)
        {
            waited.ShouldBeLessThan(60_000);
            await Task.Delay(100, TestContext.Current.CancellationToken);
        }
    }
}
