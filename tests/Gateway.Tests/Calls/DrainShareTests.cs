using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Crew.Gateway.Tests.EndToEnd;
using Microsoft.AspNetCore.Http;
using Shouldly;
using Xunit;

namespace Crew.Gateway.Tests.Calls;

/// <summary>A room of three places, and two organizations that want them.</summary>
public sealed class DrainShareTests
{
    private const string Text = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":null}]}\n\n";

    [Fact]
    public async Task Whoever_fills_the_room_makes_place_for_others_and_what_is_broken_off_is_settled()
    {
        var (open, broken) = (new TaskCompletionSource(), 0);
        await using var stub = await StubProvider.StartAsync();
        stub.Answer = async http =>
        {
            http.Response.ContentType = "text/event-stream";
            await http.Response.WriteAsync(Text);
            await http.Response.Body.FlushAsync();
            try
            {
                await open.Task.WaitAsync(http.RequestAborted);
                await http.Response.WriteAsync("data: [DONE]\n\n");
            }
            catch (OperationCanceledException)
            {
                Interlocked.Increment(ref broken);
            }
        };
        await using var app = await GatewayApp.StartAsync(stub.Port, places: 3);
        using var other = await app.JoinAsync();
        await PrepareAsync(app.Client, stub.Port);
        await PrepareAsync(other, stub.Port);
        var left = new List<string>();
        for (var stream = 1; stream <= 3; stream++)
        {
            left.Add(await LeaveAsync(app.Client));
            await UntilAsync(() => app.Drains.Count == stream);
        }

        broken.ShouldBe(0, "while nobody else wants a place, one tenant may have all of them");
        await LeaveAsync(other);
        await UntilAsync(() => broken == 1);
        app.Drains.Count.ShouldBe(3);
        var settled = await AttemptAsync(app.Client, left[2]);
        settled.GetProperty("outcome").GetString().ShouldBe("client_closed");
        settled.GetProperty("tokens").GetProperty("output").GetInt64().ShouldBeGreaterThan(0);
        await LeaveAsync(app.Client);
        await UntilAsync(() => broken == 2);
        (await MissingAsync(other)).ShouldBe(0, "two are no more than the others' share");
        open.SetResult();
        await UntilAsync(() => app.Drains.Count == 0);
        broken.ShouldBe(2);
    }

    private static async Task PrepareAsync(HttpClient client, int port)
    {
        var provider = await PostAsync(client, "/v1/gateway/providers", new { name = "slow", kind = "openai", base_url = $"http://127.0.0.1:{port}/v1", api_key = "sk-of-a-slow-provider" });
        var targets = new[] { new { provider_id = provider.GetProperty("id").GetString(), upstream_model = "m" } };
        await PostAsync(client, "/v1/gateway/models", new { id = "m", targets, price_per_million_usd = new { input = "1", output = "2" }, max_output_tokens = 64 });
    }

    private static async Task<JsonElement> PostAsync(HttpClient client, string path, object body)
    {
        using var answer = await client.PostAsJsonAsync(path, body);
        answer.IsSuccessStatusCode.ShouldBeTrue(await answer.Content.ReadAsStringAsync());
        return (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("data");
    }

    /// <summary>Asks for a stream and leaves it after its first words; returns the request's id.</summary>
    private static async Task<string> LeaveAsync(HttpClient client)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions")
        {
            Content = JsonContent.Create(new { model = "m", stream = true, max_tokens = 64, messages = new[] { new { role = "user", content = "Hello" } } }),
        };
        using var answer = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        await using var stream = await answer.Content.ReadAsStreamAsync();
        (await stream.ReadAsync(new byte[4])).ShouldBeGreaterThan(0);
        return answer.Headers.GetValues("X-Request-Id").Single();
    }

    private static async Task<JsonElement> AttemptAsync(HttpClient client, string requestId)
    {
        for (var tries = 0; ; tries++)
        {
            using var answer = await client.GetAsync(new Uri($"/v1/gateway/requests/{requestId}", UriKind.Relative));
            if (answer.IsSuccessStatusCode)
            {
                return (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("data").GetProperty("attempts")[0];
            }

            tries.ShouldBeLessThan(500);
            await Task.Delay(20);
        }
    }

    /// <summary>How many streams of a tenant were settled before their end.</summary>
    private static async Task<int> MissingAsync(HttpClient client)
    {
        using var answer = await client.GetAsync(new Uri("/v1/gateway/requests", UriKind.Relative));
        return (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("data").GetArrayLength();
    }

    private static async Task UntilAsync(Func<bool> holds)
    {
        for (var tries = 0; !holds(); tries++)
        {
            tries.ShouldBeLessThan(1_500, "It never came to that.");
            await Task.Delay(20);
        }
    }
}
