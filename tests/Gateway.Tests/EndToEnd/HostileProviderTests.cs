using System.Net;
using System.Text;
using Crew.Testing;
using Shouldly;
using Xunit;
using static Crew.Gateway.Tests.EndToEnd.GatewayServer;

namespace Crew.Gateway.Tests.EndToEnd;

/// <summary>A provider that answers byte by byte what no well-behaved one would say.</summary>
[Collection(GatewayServerGroup.Name)]
public sealed class HostileProviderTests(GatewayServer gateway)
{
    [Theory]
    [InlineData("openai-model: \u00e9")]
    [InlineData("retry-after: \u00e9")]
    [InlineData("openai-model: a\u0001b")]
    public async Task A_header_that_no_client_could_read_is_left_out(string header)
    {
        gateway.Raw.Answer = RawProvider.Json(200, RawProvider.Good, header);
        using var whole = await SendAsync(await gateway.KeyAsync(), Text());
        whole.StatusCode.ShouldBe(HttpStatusCode.OK);
        whole.Headers.Contains(header[..header.IndexOf(':')]).ShouldBeFalse();

        gateway.Raw.Answer = RawProvider.Stream(RawProvider.Chunk("stop") + "data: [DONE]\n\n", header);
        using var stream = await SendAsync(await gateway.KeyAsync(), Text(stream: true));
        stream.StatusCode.ShouldBe(HttpStatusCode.OK);
        (await OutcomeAsync(stream)).ShouldBe("success");
    }

    [Fact]
    public async Task A_clients_header_that_no_provider_could_read_is_left_out()
    {
        gateway.Raw.Answer = RawProvider.Json(200, RawProvider.Good);
        using var handler = new SocketsHttpHandler { UseProxy = false, RequestHeaderEncodingSelector = (_, _) => Encoding.UTF8 };
        using var client = new HttpClient(handler) { BaseAddress = gateway.Server.Address };
        client.DefaultRequestHeaders.Authorization = (await gateway.KeyAsync()).DefaultRequestHeaders.Authorization;
        client.DefaultRequestHeaders.TryAddWithoutValidation("tracestate", "a=\u00e9");
        using var answer = await SendAsync(client, Text());
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Theory]
    [InlineData(201)]
    [InlineData(206)]
    [InlineData(304)]
    [InlineData(600)]
    [InlineData(999)]
    public async Task A_status_that_no_model_provider_gives_is_502(int status)
    {
        gateway.Raw.Answer = RawProvider.Json(status, RawProvider.Good);
        foreach (var body in new[] { Text(), Text(stream: true) })
        {
            using var answer = await SendAsync(await gateway.KeyAsync(), body);
            answer.StatusCode.ShouldBe(HttpStatusCode.BadGateway);
            (await ErrorOf(answer)).GetProperty("code").GetString().ShouldBe("provider_unavailable");
        }
    }

    [Theory]
    [InlineData(null, false, "upstream_error")]
    [InlineData("stop", false, "success")]
    [InlineData(null, true, "success")]
    public async Task A_stream_is_whole_with_a_finish_reason_or_its_closing_mark(string? finish, bool isMarked, string outcome)
    {
        gateway.Raw.Answer = RawProvider.Stream(RawProvider.Chunk(finish) + (isMarked ? "data: [DONE]\n\n" : ""));
        using var answer = await SendAsync(await gateway.KeyAsync(), Text(stream: true));
        (await answer.Content.ReadAsStringAsync()).Contains("provider_unavailable").ShouldBe(outcome != "success");
        (await OutcomeAsync(answer)).ShouldBe(outcome);
    }

    [Theory]
    [InlineData(Credential)]
    [InlineData(@"sk\u002Dprovider\u002dcredential-of-the-tests-0123456789")]
    public async Task An_error_that_repeats_our_credential_is_replaced(string echo)
    {
        var error = $$$"""{"error":{"message":"Bad header: Bearer {{{echo}}}","type":"x","param":null,"code":"y"}}""";
        gateway.Raw.Answer = RawProvider.Json(400, error);
        using var whole = await SendAsync(await gateway.KeyAsync(), Text());
        whole.StatusCode.ShouldBe(HttpStatusCode.BadGateway);
        (await whole.Content.ReadAsStringAsync()).ShouldNotContain("0123456789");
        (await ErrorOf(whole)).GetProperty("code").GetString().ShouldBe("provider_credentials_rejected");

        foreach (var frame in new[] { $"data: {error}\n\n", $"event: error\ndata: {echo}\n\n" })
        {
            gateway.Raw.Answer = RawProvider.Stream(RawProvider.Chunk(null) + frame + RawProvider.Chunk("stop") + "data: [DONE]\n\n");
            using var stream = await SendAsync(await gateway.KeyAsync(), Text(stream: true));
            var text = await stream.Content.ReadAsStringAsync();
            text.ShouldNotContain("0123456789");
            text.ShouldContain("provider_credentials_rejected");
            text.ShouldNotContain("[DONE]");
            (await OutcomeAsync(stream)).ShouldBe("upstream_error");
        }
    }

    [Theory]
    [InlineData("Bearer k3y", true)]
    [InlineData("the key 'k3y' is wrong", true)]
    [InlineData(@"the key \u006b3y is wrong", true)]
    [InlineData("k3y", true)]
    [InlineData("mok3ys and k3yboards", false)]
    public async Task A_short_credential_counts_as_repeated_where_it_stands_as_a_word(string said, bool isReplaced)
    {
        var model = $"short-{Guid.NewGuid():n}";
        await gateway.Server.CreateModelAsync(new NewModel { Id = model, ProviderId = await gateway.Server.CreateProviderAtAsync(gateway.Raw.BaseUrl, "k3y") });
        var error = $$$"""{"error":{"message":"{{{said}}}","type":"x","param":null,"code":"y"}}""";
        gateway.Raw.Answer = RawProvider.Json(400, error);
        using var whole = await SendAsync(await gateway.KeyAsync(), Body(model: model));
        whole.StatusCode.ShouldBe(isReplaced ? HttpStatusCode.BadGateway : HttpStatusCode.BadRequest);
        (await whole.Content.ReadAsStringAsync()).Contains("k3y").ShouldBe(!isReplaced);

        gateway.Raw.Answer = RawProvider.Stream(RawProvider.Chunk(null) + $"data: {error}\n\n");
        using var stream = await SendAsync(await gateway.KeyAsync(), Body(""","stream":true,"max_tokens":64""", model));
        (await stream.Content.ReadAsStringAsync()).Contains("k3y").ShouldBe(!isReplaced);
    }

    [Theory]
    [InlineData("data: {\"error\":{\"message\":\"", "\"}}\n\n")]
    [InlineData("data: {\"error\":\"", "\"}\n\n")]
    [InlineData("event: error\ndata: ", "\n\n")]
    public async Task An_error_of_more_than_a_megabyte_is_replaced_whatever_it_says(string before, string behind)
    {
        var error = before + new string('x', 1 << 20) + Credential + new string('x', 1 << 20) + behind;
        gateway.Raw.Answer = RawProvider.Stream(RawProvider.Chunk(null) + error + RawProvider.Chunk("stop") + "data: [DONE]\n\n");
        using var stream = await SendAsync(await gateway.KeyAsync(), Text(stream: true));
        var text = await stream.Content.ReadAsStringAsync();
        text.Length.ShouldBeLessThan(10_000);
        text.ShouldNotContain(Credential);
        text.ShouldContain("provider_unavailable");
        text.ShouldNotContain("[DONE]");
        (await OutcomeAsync(stream)).ShouldBe("upstream_error");

        gateway.Raw.Answer = RawProvider.Json(400, error);
        using var whole = await SendAsync(await gateway.KeyAsync(), Text());
        whole.StatusCode.ShouldBe(HttpStatusCode.BadGateway);
        (await whole.Content.ReadAsStringAsync()).ShouldNotContain(Credential);
    }

    private static string Text(bool stream = false) => Body(stream ? ""","stream":true,"max_tokens":64""" : "", RawModel);

    private async Task<string> OutcomeAsync(HttpResponseMessage answer) =>
        (await gateway.AttemptsAsync(RequestIdOf(answer)))[0].GetProperty("outcome").GetString()!;
}
