using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Crew.Gateway.Calls;
using Crew.Gateway.Tests.EndToEnd;
using Microsoft.AspNetCore.Http;
using Shouldly;
using Xunit;

namespace Crew.Gateway.Tests.Calls;

/// <summary>Providers that do not take what is added to a request, and answers for which there is no memory.</summary>
public sealed class UsageWishTests
{
    private const string Events = """
        data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"Hello there"},"finish_reason":null}]}

        data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}

        data: [DONE]


        """;

    [Theory]
    [InlineData("/v1/chat/completions")]
    [InlineData("/v1/messages")]
    public async Task A_provider_that_takes_no_wish_for_usage_is_asked_once_more_without_and_then_always(string path)
    {
        await using var stub = await StubProvider.StartAsync();
        stub.Answer = http => AnswerAsync(http, stub.Seen.Last().Text);
        await using var app = await GatewayApp.StartAsync(stub.Port);
        await PrepareAsync(app, stub.Port);
        var first = await StreamAsync(app, path);
        first.GetArrayLength().ShouldBe(2);
        first[0].GetProperty("status").GetInt32().ShouldBe(400);
        first[0].GetProperty("cost_usd").GetString().ShouldBe("0.000000000");

        // Nobody says what the stream cost: a strict budget pays all that was held.
        first[1].GetProperty("provenance").GetString().ShouldBe("estimated");
        first[1].GetProperty("tokens").GetProperty("output").GetInt64().ShouldBe(64);
        (await StreamAsync(app, path)).GetArrayLength().ShouldBe(1);
        stub.Seen.Select(call => call.Text.Contains("stream_options", StringComparison.Ordinal)).ShouldBe([true, false, false]);
    }

    [Fact]
    public async Task The_clients_own_wish_for_usage_is_answered_in_the_providers_words()
    {
        await using var stub = await StubProvider.StartAsync();
        stub.Answer = http => AnswerAsync(http, stub.Seen.Last().Text);
        await using var app = await GatewayApp.StartAsync(stub.Port);
        await PrepareAsync(app, stub.Port);
        using var answer = await app.Client.PostAsJsonAsync("/v1/chat/completions", new
        {
            model = "m", stream = true, stream_options = new { include_usage = true }, messages = new[] { new { role = "user", content = "Hi" } },
        });
        answer.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await answer.Content.ReadAsStringAsync()).ShouldContain("extra fields not permitted");
        stub.Seen.Count.ShouldBe(1);
    }

    [Fact]
    public async Task An_answer_for_which_there_is_no_memory_is_refused_as_one_to_be_repeated()
    {
        await using var stub = await StubProvider.StartAsync();
        stub.Answer = http => Results.Bytes(new byte[3 << 20], "application/json").ExecuteAsync(http);
        await using var app = await GatewayApp.StartAsync(stub.Port, new AnswerMemory(1 << 20));
        await PrepareAsync(app, stub.Port);
        var asking = app.Client.PostAsJsonAsync("/v1/chat/completions", new { model = "m", messages = new[] { new { role = "user", content = "Hi" } } });
        while (!asking.IsCompleted)
        {
            app.Clock.Advance(TimeSpan.FromMilliseconds(100));
            await Task.Delay(20);
        }

        using var answer = await asking;
        answer.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        answer.Headers.RetryAfter!.Delta!.Value.TotalSeconds.ShouldBeGreaterThan(0);
        (await answer.Content.ReadAsStringAsync()).ShouldContain("answers_too_many");
    }

    private static Task AnswerAsync(HttpContext http, string asked) => asked.Contains("stream_options", StringComparison.Ordinal)
        ? Results.Text("""{"detail":[{"loc":["body","stream_options"],"msg":"extra fields not permitted"}]}""", "application/json", statusCode: 400).ExecuteAsync(http)
        : Results.Text(Events, "text/event-stream").ExecuteAsync(http);

    private static async Task PrepareAsync(GatewayApp app, int port)
    {
        var provider = await app.PostAsync("/v1/gateway/providers", new { name = "old", kind = "openai", base_url = $"http://127.0.0.1:{port}/v1", api_key = "sk-of-an-old-server" });
        var targets = new[] { new { provider_id = provider.GetProperty("id").GetString(), upstream_model = "m" } };
        await app.PostAsync("/v1/gateway/models", new { id = "m", targets, price_per_million_usd = new { input = "1", output = "2" }, max_output_tokens = 64 });
        await app.PostAsync("/v1/budgets", new { scope = "workspace", amount_usd = "1", window = "total", mode = "strict" });
    }

    private static async Task<JsonElement> StreamAsync(GatewayApp app, string path)
    {
        using var answer = await app.Client.PostAsJsonAsync(path,
            new { model = "m", stream = true, max_tokens = 64, messages = new[] { new { role = "user", content = "Hi" } } });
        answer.StatusCode.ShouldBe(HttpStatusCode.OK, await answer.Content.ReadAsStringAsync());
        (await answer.Content.ReadAsStringAsync()).ShouldContain("Hello there");
        return (await app.GetAsync($"/v1/gateway/requests/{answer.Headers.GetValues("X-Request-Id").Single()}")).GetProperty("attempts");
    }
}
