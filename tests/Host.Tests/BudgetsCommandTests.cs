using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;

namespace Crew.Host.Tests;

public sealed class BudgetsCommandTests
{
    /// <summary>Holds more than half of the budget: 4,000 tokens at 0.60 USD per million.</summary>
    private const string LargeCall = """{"model":"m","max_tokens":4000,"messages":[{"role":"user","content":"hi"}]}""";

    private const string SmallCall = """{"model":"m","max_tokens":10,"messages":[{"role":"user","content":"hi"}]}""";

    [Fact]
    public async Task What_a_killed_server_held_is_lost_until_the_operator_releases_it()
    {
        await using var mock = await MockProvider.StartAsync();
        await using var server = await CrewServer.StartNewAsync(new CrewServerOptions { Providers = [mock] });
        await server.CreateModelAsync(new NewModel { Id = "m", ProviderId = await server.CreateProviderAsync(mock) });
        var budget = await server.CreateBudgetAsync("workspace", "0.004");
        var client = server.Client((await server.CreateKeyAsync(new NewKey())).Key);
        (await CallAsync(client, SmallCall)).ShouldBe(HttpStatusCode.OK);
        await KillInTheMiddleOfAsync(server, mock, client);

        // The dead server's lease is open until the next start, which knows that its holder is gone.
        await server.StartAsync();
        var lost = await ListedAsync(server, budget);
        var settled = Usd(lost, "settled_usd");
        settled.ShouldBe(mock.Books.Bills.Where(b => b.Closed && b.Status == 200).Sum(b => b.NanoUsd) / 1e9m);
        settled.ShouldBeGreaterThan(0);
        Usd(lost, "lost_usd").ShouldBeGreaterThanOrEqualTo(0.0024m);
        Usd(lost, "held_usd").ShouldBe(0);
        (settled + Usd(lost, "lost_usd") + Usd(lost, "free_usd")).ShouldBe(0.004m);
        mock.Default = MockBehavior.Instant;
        (await CallAsync(client, LargeCall)).ShouldBe(HttpStatusCode.PaymentRequired);

        var released = await Succeeds(server, "budgets", "release-lost", "--data", server.DataFolder, "--json", budget);
        using (var document = JsonDocument.Parse(released))
        {
            document.RootElement.GetProperty("id").GetString().ShouldBe(budget);
            Usd(document.RootElement, "released_usd").ShouldBe(Usd(lost, "lost_usd"));
        }

        var free = await ListedAsync(server, budget);
        (Usd(free, "lost_usd"), Usd(free, "settled_usd"), Usd(free, "free_usd")).ShouldBe((0m, settled, 0.004m - settled));
        await RecordedAsync(server, budget, lost.GetProperty("lost_usd").GetString()!);
        (await AdmittedAsync(client)).ShouldBeTrue("the running server hears of the release");

        (await Succeeds(server, "budgets", "release-lost", "--data", server.DataFolder, budget)).ShouldBe("released 0.000000000 USD\n");
        var unknown = await server.CommandAsync("budgets", "release-lost", "--data", server.DataFolder, "budget_none");
        unknown.ExitCode.ShouldBe(1);
        unknown.Error.ShouldContain("(not_found)");
    }

    [Fact]
    public async Task What_a_killed_server_held_can_be_released_before_the_next_start()
    {
        await using var mock = await MockProvider.StartAsync();
        await using var server = await CrewServer.StartNewAsync(new CrewServerOptions { Providers = [mock] });
        await server.CreateModelAsync(new NewModel { Id = "m", ProviderId = await server.CreateProviderAsync(mock) });
        var budget = await server.CreateBudgetAsync("workspace", "0.004");
        var client = server.Client((await server.CreateKeyAsync(new NewKey())).Key);
        (await CallAsync(client, SmallCall)).ShouldBe(HttpStatusCode.OK);

        // A server that lives keeps what it has leased.
        (await Succeeds(server, "budgets", "release-lost", "--data", server.DataFolder, budget)).ShouldBe("released 0.000000000 USD\n");
        await KillInTheMiddleOfAsync(server, mock, client);
        var released = await Succeeds(server, "budgets", "release-lost", "--data", server.DataFolder, "--json", budget);
        using (var document = JsonDocument.Parse(released))
        {
            Usd(document.RootElement, "released_usd").ShouldBeGreaterThanOrEqualTo(0.0024m);
        }

        var free = await ListedAsync(server, budget);
        (Usd(free, "lost_usd"), Usd(free, "held_usd"), Usd(free, "free_usd")).ShouldBe((0m, 0m, 0.004m - Usd(free, "settled_usd")));
        mock.Default = MockBehavior.Instant;
        await server.StartAsync();
        Usd(await ListedAsync(server, budget), "lost_usd").ShouldBe(0m);
        (await CallAsync(client, LargeCall)).ShouldBe(HttpStatusCode.OK);
        (await server.CommandAsync("doctor", "--data", server.DataFolder)).Output.ShouldNotContain("ledger_differs");
    }

    private static async Task KillInTheMiddleOfAsync(CrewServer server, MockProvider mock, HttpClient client)
    {
        mock.Default = new MockBehavior { Shape = MockShape.Hang };
        var cut = CallAsync(client, LargeCall);
        for (var waited = 0; mock.Books.InFlight == 0 && waited < 30_000; waited += 10)
        {
            await Task.Delay(10);
        }

        mock.Books.InFlight.ShouldBe(1);
        server.Kill();
        await Should.ThrowAsync<HttpRequestException>(() => cut);
    }

    private static async Task RecordedAsync(CrewServer server, string budget, string lost)
    {
        using var log = JsonDocument.Parse(await Succeeds(server, "audit", "list", "--data", server.DataFolder, "--json"));
        var record = log.RootElement.GetProperty("data").EnumerateArray()
            .Where(r => r.GetProperty("event_type").GetString() == "operator.budget.released").ShouldHaveSingleItem();
        record.GetProperty("actor").GetProperty("type").GetString().ShouldBe("operator");
        record.GetProperty("resource").GetProperty("id").GetString().ShouldBe(budget);
        record.GetRawText().ShouldContain(lost);
    }

    /// <summary>A change made beside the server arrives with its feed.</summary>
    private static async Task<bool> AdmittedAsync(HttpClient client)
    {
        for (var waited = 0; waited < 30_000; waited += 100)
        {
            if (await CallAsync(client, LargeCall) == HttpStatusCode.OK)
            {
                return true;
            }

            await Task.Delay(100);
        }

        return false;
    }

    private static async Task<HttpStatusCode> CallAsync(HttpClient client, string body)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var answer = await client.PostAsync(new Uri("/v1/chat/completions", UriKind.Relative), content);
        return answer.StatusCode;
    }

    private static async Task<JsonElement> ListedAsync(CrewServer server, string budget)
    {
        using var document = JsonDocument.Parse(await Succeeds(server, "budgets", "list", "--data", server.DataFolder, "--json"));
        var listed = document.RootElement.EnumerateArray().ShouldHaveSingleItem().Clone();
        listed.GetProperty("id").GetString().ShouldBe(budget);
        return listed;
    }

    private static decimal Usd(JsonElement figures, string name) =>
        decimal.Parse(figures.GetProperty(name).GetString()!, CultureInfo.InvariantCulture);

    private static async Task<string> Succeeds(CrewServer server, params string[] arguments)
    {
        var command = await server.CommandAsync(arguments);
        command.ExitCode.ShouldBe(0, command.Error);
        return command.Output;
    }
}
