using System.Net;
using System.Text;
using Crew.Testing;
using Shouldly;
using Xunit;
using static Crew.Gateway.Tests.EndToEnd.GatewayServer;

namespace Crew.Gateway.Tests.EndToEnd;

[Collection(GatewayServerGroup.Name)]
public sealed class AnswerTests : IDisposable
{
    private readonly GatewayServer _gateway;

    public AnswerTests(GatewayServer gateway)
    {
        _gateway = gateway;
        _gateway.Mock.Reset();
    }

    public void Dispose() => _gateway.Mock.Reset();

    [Fact]
    public async Task A_plain_answer_arrives_as_the_provider_sent_it_and_is_metered_to_the_nano()
    {
        using var answer = await SendAsync(await _gateway.KeyAsync(), Body(""","max_tokens":100"""));
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        (await answer.Content.ReadAsStringAsync()).ShouldContain("\"model\":\"mock-mini\"");
        answer.Headers.Contains("x-ratelimit-remaining-requests").ShouldBeTrue();
        answer.Headers.Contains("openai-processing-ms").ShouldBeTrue();

        var bill = _gateway.Mock.Books.Bills.Single();
        bill.Credential.ShouldBe($"Bearer {Credential}");
        bill.Cap.ShouldBe(100);
        var attempt = (await _gateway.AttemptsAsync(RequestIdOf(answer)))[0];
        attempt.GetProperty("cost_usd").GetString().ShouldBe(Usd(bill.NanoUsd));
        attempt.GetProperty("provenance").GetString().ShouldBe("exact");
        attempt.GetProperty("model").GetString().ShouldBe(Model);
        attempt.GetProperty("ip_address").GetString().ShouldBe("127.0.0.1");
    }

    [Fact]
    public async Task Only_the_governed_fields_of_a_body_change_on_the_way()
    {
        var body = Body(""", "temperature" : 1.0e0,"x":{"b":[1,2 ,3]},"emoji":"\ud83d\ude00"} """.TrimEnd()[..^1]);
        using var answer = await SendAsync(await _gateway.KeyAsync(), body);
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        var arrived = Encoding.UTF8.GetString(_gateway.Mock.Books.Records[^1].Body);
        arrived.ShouldBe(body.Replace($"\"{Model}\"", "\"mock-mini\"").Insert(1, "\"max_completion_tokens\":4096,"));
    }

    [Fact]
    public async Task A_stream_ends_with_done_and_shows_usage_only_to_those_who_ask()
    {
        var client = await _gateway.KeyAsync();
        using var silent = await SendAsync(client, Body(""","stream":true"""));
        silent.Content.Headers.ContentType!.ToString().ShouldBe("text/event-stream; charset=utf-8");
        var text = await silent.Content.ReadAsStringAsync();
        text.ShouldEndWith("data: [DONE]\n\n");
        text.ShouldNotContain("\"usage\":{");
        using var asking = await SendAsync(client, Body(""","stream":true,"stream_options":{"include_usage":true}"""));
        (await asking.Content.ReadAsStringAsync()).ShouldContain("\"usage\":{");

        _gateway.Mock.Books.Bills.ShouldAllBe(bill => bill.IncludeUsage);
        foreach (var (answer, bill) in new[] { silent, asking }.Zip(_gateway.Mock.Books.Bills))
        {
            var attempt = (await _gateway.AttemptsAsync(RequestIdOf(answer)))[0];
            attempt.GetProperty("cost_usd").GetString().ShouldBe(Usd(bill.NanoUsd));
            attempt.GetProperty("provenance").GetString().ShouldBe("exact");
            attempt.GetProperty("stream").GetBoolean().ShouldBeTrue();
        }
    }

    [Fact]
    public async Task A_test_key_is_answered_by_the_sandbox_whatever_model_it_names()
    {
        using var answer = await SendAsync(_gateway.Server.Client(_gateway.Server.Installation.ApiKeys.Test), Body(model: "anything/at-all", text: "Hello."));
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        answer.Headers.GetValues("X-Crew-Sandbox").Single().ShouldBe("true");
        (await answer.Content.ReadAsStringAsync()).ShouldContain("\"content\":\"Hello.\"");
        _gateway.Mock.Books.Received.ShouldBe(0);
        var attempt = (await _gateway.AttemptsAsync(RequestIdOf(answer)))[0];
        attempt.GetProperty("model").GetString().ShouldBe("crew-sandbox-echo");
        attempt.GetProperty("test").GetBoolean().ShouldBeTrue();
    }

    [Fact]
    public async Task A_development_key_reaches_no_live_provider()
    {
        using var answer = await SendAsync(await _gateway.KeyAsync(new NewKey { Environment = "development" }), Body());
        answer.Headers.Contains("X-Crew-Sandbox").ShouldBeTrue();
        _gateway.Mock.Books.Received.ShouldBe(0);
    }

    [Fact]
    public async Task Models_that_are_unknown_and_models_that_are_not_allowed_answer_alike()
    {
        var client = await _gateway.KeyAsync(new NewKey { AllowedModels = ["crew-sandbox-echo"] });
        using var unknown = await SendAsync(client, Body(model: "no-such-model"));
        using var forbidden = await SendAsync(client, Body());
        unknown.StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await unknown.Content.ReadAsStringAsync()).ShouldBe(await forbidden.Content.ReadAsStringAsync());
        (await ErrorOf(unknown)).GetProperty("code").GetString().ShouldBe("model_not_found");
        (await client.GetStringAsync(new Uri("/v1/models", UriKind.Relative))).ShouldNotContain(Model);
    }

    [Fact]
    public async Task Models_are_listed_in_both_dialects_and_read_by_ids_with_slashes()
    {
        var client = await _gateway.KeyAsync();
        (await client.GetStringAsync(new Uri("/v1/models", UriKind.Relative))).ShouldContain($"\"id\":\"{Model}\",\"object\":\"model\"");
        (await client.GetStringAsync(new Uri($"/v1/models/{Model}", UriKind.Relative))).ShouldStartWith($"{{\"id\":\"{Model}\"");
        client.DefaultRequestHeaders.Add("anthropic-version", "2023-06-01");
        var list = await client.GetStringAsync(new Uri("/v1/models?limit=1000", UriKind.Relative));
        list.ShouldContain("\"has_more\":false");
        list.ShouldContain("\"display_name\"");
    }

    [Fact]
    public async Task The_providers_key_is_in_no_answer()
    {
        var server = _gateway.Server;
        foreach (var path in new[] { "/v1/gateway/providers", $"/v1/gateway/providers/{_gateway.ProviderId}", "/v1/gateway/models", "/v1/audit-logs" })
        {
            (await server.Master.GetStringAsync(new Uri(path, UriKind.Relative))).ShouldNotContain(Credential);
        }

        _gateway.Mock.Default = new MockBehavior
        {
            Headers = new Dictionary<string, string> { ["Set-Cookie"] = "a=b", ["openai-organization"] = "org-secret" },
        };
        using var answer = await SendAsync(await _gateway.KeyAsync(), Body());
        answer.Headers.Contains("Set-Cookie").ShouldBeFalse();
        answer.Headers.Contains("openai-organization").ShouldBeFalse();
        $"{answer.Headers}{await answer.Content.ReadAsStringAsync()}".ShouldNotContain(Credential);
    }

    [Theory]
    [InlineData("{", 400, "invalid_json")]
    [InlineData("", 400, "invalid_json")]
    [InlineData("""{"model":"a","model":"b","messages":[]}""", 400, "repeated_field")]
    public async Task A_body_that_cannot_be_read_is_refused_in_the_dialect(string body, int status, string code)
    {
        using var answer = await SendAsync(await _gateway.KeyAsync(), body);
        ((int)answer.StatusCode).ShouldBe(status);
        (await ErrorOf(answer)).GetProperty("code").GetString().ShouldBe(code);
    }

    [Fact]
    public async Task A_body_that_is_no_json_by_its_type_or_too_large_is_refused()
    {
        var client = await _gateway.KeyAsync();
        using var plain = await client.PostAsync(new Uri("/v1/chat/completions", UriKind.Relative), new StringContent(Body()));
        ((int)plain.StatusCode).ShouldBe(415);
        using var large = await SendAsync(client, Body(text: new string('a', 33 << 20)));
        ((int)large.StatusCode).ShouldBe(413);
        (await ErrorOf(large)).GetProperty("code").GetString().ShouldBe("body_too_large");
    }

    [Fact]
    public async Task A_large_body_arrives_whole()
    {
        using var answer = await SendAsync(await _gateway.KeyAsync(), Body(text: new string('b', 3 << 20)));
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        _gateway.Mock.Books.Records[^1].Body.Length.ShouldBeGreaterThan(3 << 20);
    }
}
