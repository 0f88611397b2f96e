using System.Diagnostics;
using System.IO.MemoryMappedFiles;
using System.Net;
using System.Net.Http.Json;
using Crew.Testing;

namespace Crew.Faults.Tests;

/// <summary>The wall clock of one node of two jumps, a day and a half ahead and as far back: nothing that the nodes share follows it.</summary>
public sealed class ClockJumpTests
{
    private const long JumpSeconds = 36 * 3_600;

    [Fact]
    public async Task A_node_whose_clock_jumps_keeps_keys_windows_and_fences_as_the_others_see_them()
    {
        Assert.SkipUnless(PostgresServer.IsAvailable, "There is no PostgreSQL here.");
        await using var mock = await MockProvider.StartAsync();
        await using var bed = await NodeBed.StartAsync(new NodeBedOptions { Nodes = 2, Server = new CrewServerOptions { Providers = [mock] } });
        var file = Path.Combine(bed[1].Root, "clock");
        using var shared = MemoryMappedFile.CreateFromFile(file, FileMode.Create, null, 4_096);
        using var offset = shared.CreateViewAccessor();
        bed[1].Set("LD_PRELOAD", await ForgetfulDisk.BuildAsync("clock.c", "-shared", "-fPIC"));
        bed[1].Set("CREW_SHIM_CLOCK", file);
        await bed[1].RestartAsync();
        var provider = await bed[0].CreateProviderAsync(mock);
        await bed[0].CreateModelAsync(new NewModel { Id = "m", ProviderId = provider });
        var budget = await bed[0].CreateBudgetAsync("workspace", "50.00", "day");
        var key = await bed[0].CreateKeyAsync(new NewKey { ExpiresAt = DateTimeOffset.UtcNow.AddHours(12) });
        var (steady, jumping) = (bed[0].Client(key.Key), bed[1].Client(key.Key));
        var resetsAt = (await bed[0].ExplainBudgetAsync(budget)).GetProperty("resets_at").GetString();
        foreach (var seconds in new[] { 0, JumpSeconds, -JumpSeconds })
        {
            offset.Write(0, seconds);
            await ShowsAsync(jumping, TimeSpan.FromSeconds(seconds));
            foreach (var client in new[] { jumping, steady, jumping })
            {
                using var answer = await AskAsync(client);
                answer.StatusCode.ShouldBe(HttpStatusCode.OK, $"at {seconds}: {await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)}");
            }

            (await bed[1].ExplainBudgetAsync(budget)).GetProperty("resets_at").GetString().ShouldBe(resetsAt, "the window is the one that all nodes are in");
        }

        (await bed.ReadAsync<long>("SELECT count(DISTINCT window_start) FROM spend_leases")).ShouldBe(1);
        await EventuallyAsync(async () => await bed.ReadAsync<decimal>("SELECT SUM(settled_nano) FROM spend_leases") == mock.Books.TotalNanoUsd);
        await bed[0].RevokeKeyAsync(key.Id);
        using var refused = await AskAsync(jumping);
        refused.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
    }

    private static Task<HttpResponseMessage> AskAsync(HttpClient client) => client.PostAsJsonAsync("/v1/chat/completions",
        new { model = "m", max_tokens = 16, messages = new[] { new { role = "user", content = "hello" } } }, TestContext.Current.CancellationToken);

    /// <summary>The jump has reached the process: its answers are dated by it.</summary>
    private static Task ShowsAsync(HttpClient client, TimeSpan offset) => EventuallyAsync(async () =>
    {
        using var live = await client.GetAsync(new Uri("/health/live", UriKind.Relative), TestContext.Current.CancellationToken);
        return live.Headers.Date is { } date && (date - DateTimeOffset.UtcNow - offset).Duration() < TimeSpan.FromMinutes(10);
    });

    private static async Task EventuallyAsync(Func<Task<bool>> holds)
    {
        var started = Stopwatch.GetTimestamp();
        while (!await holds())
        {
            Stopwatch.GetElapsedTime(started).ShouldBeLessThan(TimeSpan.FromSeconds(30));
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }
    }
}
