using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Crew.Testing;
using Shouldly;
using Xunit;
using static Crew.Gateway.Tests.EndToEnd.GatewayServer;

namespace Crew.Gateway.Tests.EndToEnd;

[Collection(GatewayServerGroup.Name)]
public sealed class EmbeddingTests : IDisposable
{
    private const string Path = "/v1/embeddings";

    private readonly GatewayServer _gateway;

    public EmbeddingTests(GatewayServer gateway)
    {
        _gateway = gateway;
        _gateway.Mock.Reset();
    }

    public void Dispose() => _gateway.Mock.Reset();

    private static string Ask(string input, string more = "", string model = Model) => $$"""{"model":"{{model}}","input":{{input}}{{more}}}""";

    [Theory]
    [InlineData("\"one\"", "", "[0,0]")]
    [InlineData("[\"one\",\"two\"]", ",\"encoding_format\":\"float\"", "[1,0.1]")]
    [InlineData("[\"one\",\"two\"]", ",\"encoding_format\":\"base64\"", "\"AACAP83MzD0=\"")]
    [InlineData("[[1,2],[3]]", "", "[1,0.1]")]
    public async Task Vectors_come_in_the_encoding_that_was_asked_for_and_cost_their_input(string input, string more, string vector)
    {
        _gateway.Mock.Default = new MockBehavior { PromptTokens = 12 };
        using var answer = await SendToAsync(Path, await _gateway.KeyAsync(), Ask(input, more));
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        (await answer.Content.ReadAsStringAsync()).ShouldContain($"\"embedding\":{vector}");
        Encoding.UTF8.GetString(_gateway.Mock.Books.Records[^1].Body).ShouldBe(Ask(input, more, "mock-mini"));
        var attempt = (await _gateway.AttemptsAsync(RequestIdOf(answer)))[0];
        attempt.GetProperty("cost_usd").GetString().ShouldBe(Usd(12 * InputNano));
        attempt.GetProperty("provenance").GetString().ShouldBe("exact");
    }

    [Fact]
    public async Task A_strict_budget_holds_the_input_and_nothing_else()
    {
        var body = Ask("[\"one\",\"two\"]");
        var bytes = Encoding.UTF8.GetByteCount(body);
        _gateway.Mock.Default = new MockBehavior { PromptTokens = bytes + 256 };
        var worst = (bytes + 256) * InputNano;
        var tight = await _gateway.Server.CreateKeyAsync(new NewKey { Budget = new NewKeyBudget(Usd(worst - 1)) });
        using var refused = await SendToAsync(Path, _gateway.Server.Client(tight.Key), body);
        ((int)refused.StatusCode).ShouldBe(402);
        var key = await _gateway.Server.CreateKeyAsync(new NewKey { Budget = new NewKeyBudget(Usd(worst)) });
        using var fits = await SendToAsync(Path, _gateway.Server.Client(key.Key), body);
        fits.StatusCode.ShouldBe(HttpStatusCode.OK);
        using var picture = await SendToAsync(Path, _gateway.Server.Client(key.Key), Ask("[{\"image\":\"https://x\"}]"));
        (await ErrorOf(picture)).GetProperty("code").GetString().ShouldBe("cost_not_boundable");
    }

    [Fact]
    public async Task The_sandbox_gives_vectors_that_depend_on_the_text_alone()
    {
        var client = _gateway.Server.Client(_gateway.Server.Installation.ApiKeys.Test);
        using var floats = await SendToAsync(Path, client, Ask("[\"a\",\"b\",\"a\"]", ",\"dimensions\":40", "any-model"));
        floats.Headers.GetValues("X-Crew-Sandbox").Single().ShouldBe("true");
        var data = JsonNode.Parse(await floats.Content.ReadAsStringAsync())!["data"]!.AsArray();
        var vectors = data.Select(one => one!["embedding"]!.AsArray().Select(n => n!.GetValue<float>()).ToArray()).ToList();
        vectors[0].Length.ShouldBe(40);
        vectors[0].ShouldBe(vectors[2]);
        vectors[0].ShouldNotBe(vectors[1]);
        vectors[0].Sum(n => n * n).ShouldBe(1f, 0.001f);
        using var packed = await SendToAsync(Path, client, Ask("\"a\"", ",\"dimensions\":40,\"encoding_format\":\"base64\"", "crew-sandbox-embed"));
        var text = JsonNode.Parse(await packed.Content.ReadAsStringAsync())!["data"]![0]!["embedding"]!.GetValue<string>();
        System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(Convert.FromBase64String(text)).ToArray().ShouldBe(vectors[0]);
        using var empty = await SendToAsync(Path, client, Ask("\"\""));
        empty.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
    }
}
