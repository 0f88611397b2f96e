using System.Net;
using Crew.Testing;
using Shouldly;
using Xunit;
using static Crew.Gateway.Tests.EndToEnd.GatewayServer;

namespace Crew.Gateway.Tests.EndToEnd;

/// <summary>Traps of gateways that no other test stands in (docs/guides/gateway-traps.md lists all of them).</summary>
[Collection(GatewayServerGroup.Name)]
public sealed class TrapTests : IDisposable
{
    private readonly GatewayServer _gateway;

    public TrapTests(GatewayServer gateway)
    {
        _gateway = gateway;
        _gateway.Mock.Reset();
    }

    public void Dispose() => _gateway.Mock.Reset();

    [Fact]
    [Trait("Trap", "5")]
    public async Task A_beta_header_and_the_field_that_needs_it_go_on_together()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/messages?beta=true")
        {
            Content = new StringContent(Message(""","max_tokens":64,"new_thing":{"a":1.0}"""), new System.Net.Http.Headers.MediaTypeHeaderValue("application/json")),
        };
        request.Headers.TryAddWithoutValidation("anthropic-beta", "new-thing-2031-01-01,other-2030-01-01");
        request.Headers.TryAddWithoutValidation("anthropic-beta", "third-2029-01-01");
        using var answer = await (await _gateway.KeyAsync()).SendAsync(request);
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        var seen = _gateway.Mock.Books.Records.Single();
        seen.Headers.Single(h => h.Key.Equals("anthropic-beta", StringComparison.OrdinalIgnoreCase)).Value.ShouldBe("new-thing-2031-01-01,other-2030-01-01, third-2029-01-01");
        System.Text.Encoding.UTF8.GetString(seen.Body).ShouldContain(""","new_thing":{"a":1.0}}""");
    }

    [Fact]
    [Trait("Trap", "6")]
    public async Task Signed_thinking_is_not_stripped_to_reach_a_provider_of_another_dialect()
    {
        var claude = await _gateway.Server.CreateProviderAsync(_gateway.Mock, "first", Credential, kind: "anthropic");
        await _gateway.Server.PostAsync("/v1/gateway/models", new Dictionary<string, object?>
        {
            ["id"] = "two-dialects",
            ["targets"] = new object[]
            {
                new { provider_id = claude, upstream_model = "mock-claude", priority = 1 },
                new { provider_id = _gateway.ProviderId, upstream_model = "mock-mini", priority = 2 },
            },
            ["max_output_tokens"] = 64,
        });
        var body = $$"""
            {"model":"two-dialects","max_tokens":64,"messages":[{"role":"user","content":"a"},{"role":"assistant","content":
            [{"type":"thinking","thinking":"b","signature":"c"},{"type":"text","text":"d"}]},{"role":"user","content":"e"}]}
            """;
        _gateway.Mock.Default = MockBehavior.Fails(529);
        using var refused = await SendToAsync("/v1/messages", await _gateway.KeyAsync(), body);
        ((int)refused.StatusCode).ShouldBeGreaterThanOrEqualTo(500);
        _gateway.Mock.Books.Received.ShouldBe(1, "the second target must not get the conversation without its signature");
    }

    [Fact]
    [Trait("Trap", "12")]
    public async Task No_call_is_redirected_and_no_redirect_is_followed()
    {
        using var handler = new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false };
        using var client = new HttpClient(handler) { BaseAddress = _gateway.Server.Address };
        client.DefaultRequestHeaders.Authorization = (await _gateway.KeyAsync()).DefaultRequestHeaders.Authorization;
        foreach (var path in new[] { "/v1/chat/completions/", "/v1//chat/completions", "/V1/chat/completions", "/v1/models/", "/v1/messages/" })
        {
            using var answer = await SendToAsync(path, client, Body());
            ((int)answer.StatusCode / 100).ShouldNotBe(3, path);
        }

        _gateway.Mock.Reset();
        foreach (var status in new[] { 301, 302, 303, 307, 308 })
        {
            _gateway.Raw.Answer = RawProvider.Json(status, RawProvider.Good, $"Location: http://127.0.0.1:{_gateway.Mock.Port}/v1/chat/completions");
            using var answer = await SendAsync(client, Body(model: RawModel));
            answer.StatusCode.ShouldBe(HttpStatusCode.BadGateway);
            answer.Headers.Location.ShouldBeNull();
        }

        _gateway.Mock.Books.Received.ShouldBe(0);
    }

    [Fact]
    [Trait("Trap", "13")]
    public async Task The_same_question_asked_again_is_asked_of_the_provider_again()
    {
        var client = await _gateway.KeyAsync();
        foreach (var asker in new[] { client, client, await _gateway.KeyAsync() })
        {
            using var answer = await SendAsync(asker, Body());
            answer.StatusCode.ShouldBe(HttpStatusCode.OK);
            answer.Headers.Age.ShouldBeNull();
            answer.Headers.ETag.ShouldBeNull();
        }

        _gateway.Mock.Books.Received.ShouldBe(3);
    }

    [Theory]
    [Trait("Trap", "27")]
    [InlineData("/v1/realtime")]
    [InlineData("/v1/realtime/client_secrets")]
    [InlineData("/v1/files")]
    [InlineData("/v1/batches")]
    [InlineData("/v1/messages/batches")]
    [InlineData("/v1/conversations")]
    [InlineData("/v1/responses/resp_1/cancel")]
    public async Task What_would_escape_the_budget_of_a_request_is_not_there(string path)
    {
        using var answer = await SendToAsync(path, await _gateway.KeyAsync(), Body());
        answer.StatusCode.ShouldBe(HttpStatusCode.NotFound);
        answer.Content.Headers.ContentType!.MediaType.ShouldBe("application/json");
        (await ErrorOf(answer)).GetProperty("message").GetString().ShouldNotBeNullOrEmpty();
        using var upgrade = new HttpRequestMessage(HttpMethod.Get, path);
        upgrade.Headers.TryAddWithoutValidation("Connection", "Upgrade");
        upgrade.Headers.TryAddWithoutValidation("Upgrade", "websocket");
        upgrade.Headers.TryAddWithoutValidation("Sec-WebSocket-Version", "13");
        upgrade.Headers.TryAddWithoutValidation("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
        using var socket = await (await _gateway.KeyAsync()).SendAsync(upgrade);
        ((int)socket.StatusCode).ShouldBeInRange(400, 499);
        _gateway.Mock.Books.Received.ShouldBe(0);
    }

    [Theory]
    [Trait("Trap", "1")]
    [Trait("Trap", "29")]
    [InlineData("/v1/chat/completions", "insufficient_quota")]
    [InlineData("/v1/responses", "insufficient_quota")]
    [InlineData("/v1/embeddings", "insufficient_quota")]
    [InlineData("/v1/messages", "billing_error")]
    public async Task A_spent_budget_is_told_by_a_status_that_no_client_repeats_and_without_a_time_to_wait(string path, string type)
    {
        var key = await _gateway.Server.CreateKeyAsync(new NewKey { Budget = new NewKeyBudget("0.000000001", "day") });
        var body = path == "/v1/messages" ? Message(""","max_tokens":20""") : $$"""{"model":"{{Model}}","input":"a","messages":[]}""";
        using var answer = await SendToAsync(path, _gateway.Server.Client(key.Key), body);
        answer.StatusCode.ShouldBe(HttpStatusCode.PaymentRequired);
        answer.Headers.GetValues("x-should-retry").ShouldBe(["false"]);
        answer.Headers.RetryAfter.ShouldBeNull("some clients would sleep for as long as a window lasts, others ask again at once");
        answer.Headers.Contains("retry-after-ms").ShouldBeFalse();
        (await ErrorOf(answer)).GetProperty("type").GetString().ShouldBe(type);
        _gateway.Mock.Books.Received.ShouldBe(0);
    }

    /// <summary>Two keys that share all but the end are two keys: nothing is looked up by a part of a key.</summary>
    [Fact]
    [Trait("Trap", "19")]
    public async Task A_key_is_known_by_all_of_it()
    {
        var known = (await _gateway.Server.CreateKeyAsync(new NewKey())).Key;
        using (var first = await SendAsync(_gateway.Server.Client(known), Body()))
        {
            first.StatusCode.ShouldBe(HttpStatusCode.OK);
        }

        for (var at = known.Length - 7; at > known.Length - 40; at -= 5)
        {
            var random = string.Concat(known[..at], known[at] == 'a' ? "b" : "a", known[(at + 1)..^6]);
            using var other = await SendAsync(_gateway.Server.Client(random + Checksum(random)), Body());
            other.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
            (await ErrorOf(other)).GetProperty("code").GetString().ShouldBe("invalid_api_key");
        }
    }

    /// <summary>CRC-32/ISO-HDLC in six characters of base 62, as docs/guides/api-keys.md has it.</summary>
    private static string Checksum(string text)
    {
        const string Digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        var crc = uint.MaxValue;
        foreach (var letter in text)
        {
            crc ^= letter;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) == 1 ? (crc >> 1) ^ 0xEDB88320 : crc >> 1;
            }
        }

        var (rest, six) = (~crc, new char[6]);
        for (var at = 5; at >= 0; at--)
        {
            (six[at], rest) = (Digits[(int)(rest % 62)], rest / 62);
        }

        return new string(six);
    }
}
