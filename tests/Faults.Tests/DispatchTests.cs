using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Crew.Testing;
using Npgsql;

namespace Crew.Faults.Tests;

/// <summary>What is known only after a request was let in still decides whether it goes out.</summary>
public sealed class DispatchTests
{
    [Fact]
    public async Task What_one_node_learns_of_a_key_or_a_target_keeps_requests_of_all_nodes_from_going_out()
    {
        Assert.SkipUnless(PostgresServer.IsAvailable, "There is no PostgreSQL here.");
        await using var mock = await MockProvider.StartAsync();
        await using var bed = await NodeBed.StartAsync(new NodeBedOptions { Nodes = 2, Server = new CrewServerOptions { Providers = [mock] } });
        var provider = await bed[0].CreateProviderAsync(mock);
        await bed[0].CreateModelAsync(new NewModel { Id = "m", ProviderId = provider });
        await bed[0].CreateModelAsync(new NewModel { Id = "talkative", ProviderId = provider });
        await bed[0].CreateBudgetAsync("workspace", "50.00");
        await RevokedWhileTheHoldWaitsAsync(bed, mock);
        await BilledBeyondItsCapAsync(bed, mock, provider);
    }

    /// <summary>A hold waits for its lease, because somebody has locked the budget's row, and meanwhile its key is revoked.</summary>
    private static async Task RevokedWhileTheHoldWaitsAsync(NodeBed bed, MockProvider mock)
    {
        var key = await bed[1].CreateKeyAsync(new NewKey());
        await using var connection = new NpgsqlConnection(bed.Database);
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await using (var block = new NpgsqlCommand("SELECT id FROM spend_budgets FOR UPDATE", connection, transaction))
        {
            await block.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        }

        var asking = AskAsync(bed[1].Client(key.Key), "m");
        await EventuallyAsync(async () => await bed.ReadAsync<long>(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") > 0);
        await bed[0].RevokeKeyAsync(key.Id);
        await transaction.RollbackAsync(TestContext.Current.CancellationToken);
        using var answer = await asking;
        answer.StatusCode.ShouldBe(HttpStatusCode.Unauthorized, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        mock.Books.Received.ShouldBe(0);
    }

    /// <summary>One node pays to learn that a provider ignores its output cap; the others hear it, and none forgets it with a restart.</summary>
    private static async Task BilledBeyondItsCapAsync(NodeBed bed, MockProvider mock, string provider)
    {
        mock.ForModel("talkative", MockBehavior.Instant with { HonoursCap = false, CompletionTokens = 5_000 });
        var key = await bed[0].CreateKeyAsync(new NewKey());
        using (var first = await AskAsync(bed[0].Client(key.Key), "talkative"))
        {
            first.StatusCode.ShouldBe(HttpStatusCode.OK);
        }

        await EventuallyAsync(() => IsKnownAsync(bed[1]));
        await IsRefusedAsync(bed[1], key.Key);
        await bed[1].RestartAsync();
        (await IsKnownAsync(bed[1])).ShouldBeTrue("what was learnt is kept");
        await IsRefusedAsync(bed[1], key.Key);
        mock.Books.Bills.Count(b => b.Model == "talkative").ShouldBe(1);

        // Whoever changes the provider's record says that it is worth another try.
        using var changed = await bed[0].Master.PatchAsJsonAsync($"/v1/gateway/providers/{provider}", new { name = "mended" }, TestContext.Current.CancellationToken);
        changed.StatusCode.ShouldBe(HttpStatusCode.OK, await changed.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        (await IsKnownAsync(bed[1])).ShouldBeFalse();
    }

    private static async Task<bool> IsKnownAsync(CrewServer node) => (await node.GetAsync("/v1/gateway/targets")).EnumerateArray().Any(t =>
        t.GetProperty("model").GetString() == "talkative" && !t.GetProperty("health").GetProperty("honours_output_cap").GetBoolean());

    private static async Task IsRefusedAsync(CrewServer node, string key)
    {
        using var refused = await AskAsync(node.Client(key), "talkative");
        var error = (await refused.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken)).GetProperty("error");
        error.GetProperty("code").GetString().ShouldBe("cost_not_boundable");
    }

    private static Task<HttpResponseMessage> AskAsync(HttpClient client, string model) => client.PostAsJsonAsync("/v1/chat/completions",
        new { model, max_tokens = 16, messages = new[] { new { role = "user", content = "hello" } } }, TestContext.Current.CancellationToken);

    private static async Task EventuallyAsync(Func<Task<bool>> holds)
    {
        var started = Stopwatch.GetTimestamp();
        while (!await holds())
        {
            Stopwatch.GetElapsedTime(started).ShouldBeLessThan(TimeSpan.FromSeconds(30));
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }
}
