using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Crew.Testing;

namespace Crew.Faults.Tests;

/// <summary>
/// The database takes no writes (another process holds its lock): nothing is served that cannot be recorded, every refusal is a
/// 503 in the dialect of the path, and when writes work again, what the provider has billed meanwhile is settled.
/// </summary>
public sealed class UnwritableTests
{
    [Fact]
    public async Task What_cannot_be_recorded_is_not_served_and_what_was_billed_is_settled_later()
    {
        await using var mock = await MockProvider.StartAsync();
        await using var server = await CrewServer.StartNewAsync(new CrewServerOptions { Providers = [mock] });
        var provider = await server.CreateProviderAsync(mock);
        await server.CreateModelAsync(new NewModel { Id = "m", ProviderId = provider });
        var budget = await server.CreateBudgetAsync("workspace", "50.00", "total", "strict");
        var client = server.Client((await server.CreateKeyAsync(new NewKey { Permissions = ["models:invoke", "models:read"] })).Key);
        (await AskAsync(client)).StatusCode.ShouldBe(HttpStatusCode.OK);
        using (await LockAsync(Path.Combine(server.DataFolder, "crew.db")))
        {
            using var refused = await AskAsync(client);
            refused.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
            refused.Headers.GetValues("x-should-retry").ShouldBe(["true"]);
            var error = await refused.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken);
            error.GetProperty("error").GetProperty("code").GetString().ShouldBe("audit_unavailable");
            using var me = await client.GetAsync(new Uri("/v1/me", UriKind.Relative), TestContext.Current.CancellationToken);
            me.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        }

        await mock.Books.QuietAsync(TimeSpan.FromSeconds(10));
        await EventuallyAsync(async () =>
        {
            var explained = await server.ExplainBudgetAsync(budget);
            var settled = decimal.Parse(explained.GetProperty("settled_usd").GetString()!, System.Globalization.CultureInfo.InvariantCulture);
            return settled == mock.Books.TotalNanoUsd / 1_000_000_000m;
        });
        (await AskAsync(client)).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    private static Task<HttpResponseMessage> AskAsync(HttpClient client) => client.PostAsJsonAsync("/v1/chat/completions",
        new { model = "m", max_tokens = 64, messages = new[] { new { role = "user", content = "hello" } } }, TestContext.Current.CancellationToken);

    /// <summary>Holds SQLite's write lock by a connection of this process, which is foreign to the server.</summary>
    private static async Task<IDisposable> LockAsync(string file)
    {
        SQLitePCL.Batteries_V2.Init();
        var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={file};Pooling=False");
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = "BEGIN IMMEDIATE";
        await command.ExecuteNonQueryAsync();
        return connection;
    }

    private static async Task EventuallyAsync(Func<Task<bool>> holds)
    {
        var started = Stopwatch.GetTimestamp();
        while (!await holds())
        {
            Stopwatch.GetElapsedTime(started).ShouldBeLessThan(TimeSpan.FromSeconds(15));
            await Task.Delay(100);
        }
    }
}
