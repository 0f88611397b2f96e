using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Crew.Testing;
using Shouldly;
using Xunit;

namespace Crew.Gateway.Tests.EndToEnd;

/// <summary>The built product with a mock provider behind it and one model in its catalogue. The tests of this folder share it.</summary>
public sealed class GatewayServer : IAsyncLifetime
{
    public const string Credential = "sk-provider-credential-of-the-tests-0123456789";
    public const string Model = "openai/mock-mini";
    public const string RawModel = "raw";
    public const string Claude = "claude-mock";
    public const string RawClaude = "claude-raw";
    public const string ChatOnly = "chat-only";
    public const string ResponsesOnly = "responses-only";
    public const long InputNano = 150;
    public const long OutputNano = 600;

    public MockProvider Mock { get; private set; } = null!;

    /// <summary>What stands behind the models <see cref="RawModel"/> and <see cref="RawClaude"/>.</summary>
    internal RawProvider Raw { get; private set; } = null!;

    public CrewServer Server { get; private set; } = null!;

    public string ProviderId { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        Mock = await MockProvider.StartAsync(new MockProviderOptions { KeptBodies = 256 });
        Raw = new RawProvider();
        Server = await CrewServer.StartNewAsync(new CrewServerOptions { Providers = [Mock], Egress = ["provider@127.0.0.1:1", $"provider@127.0.0.1:{Raw.Port}"] });
        ProviderId = await Server.CreateProviderAsync(Mock, credential: Credential);
        await Server.CreateModelAsync(new NewModel { Id = Model, ProviderId = ProviderId, UpstreamModel = "mock-mini" });
        await NarrowAsync(ChatOnly, "chat/completions");
        await NarrowAsync(ResponsesOnly, "responses");
        var raw = await Server.CreateProviderAtAsync(Raw.BaseUrl, Credential);
        await Server.CreateModelAsync(new NewModel { Id = RawModel, ProviderId = raw });
        var anthropic = await Server.CreateProviderAsync(Mock, "anthropic", Credential, kind: "anthropic");
        await Server.CreateModelAsync(new NewModel { Id = Claude, ProviderId = anthropic, UpstreamModel = "mock-claude", CacheWriteUsd = "0.1875" });
        var rawAnthropic = await Server.CreateProviderAtAsync(Raw.BaseUrl, Credential, kind: "anthropic");
        await Server.CreateModelAsync(new NewModel { Id = RawClaude, ProviderId = rawAnthropic });
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        await Mock.DisposeAsync();
        await Raw.DisposeAsync();
    }

    /// <summary>A model at the same server, of which only one endpoint is known.</summary>
    private async Task NarrowAsync(string model, string endpoint)
    {
        var provider = await Server.PostAsync("/v1/gateway/providers", new Dictionary<string, object?>
        {
            ["name"] = model, ["kind"] = "openai", ["base_url"] = Mock.BaseUrl.ToString().TrimEnd('/'), ["api_key"] = Credential, ["endpoints"] = new[] { endpoint },
        });
        provider.GetProperty("endpoints").EnumerateArray().Single().GetString().ShouldBe(endpoint);
        await Server.CreateModelAsync(new NewModel { Id = model, ProviderId = provider.GetProperty("id").GetString()!, UpstreamModel = "mock-mini" });
    }

    /// <summary>What a budget must hold for this body with this output cap.</summary>
    public static long WorstCase(string body, int cap) => ((Encoding.UTF8.GetByteCount(body) + 256) * InputNano) + (cap * OutputNano);

    public static string Usd(long nano) => string.Create(CultureInfo.InvariantCulture, $"{nano / 1_000_000_000}.{nano % 1_000_000_000:D9}");

    public static string Body(string more = "", string model = Model, string text = "Say something short.") =>
        $$"""{"model":"{{model}}","messages":[{"role":"user","content":"{{text}}"}]{{more}}}""";

    /// <summary>A request of the Anthropic dialect.</summary>
    public static string Message(string more = "", string model = Claude, string text = "Say something short.") =>
        $$"""{"model":"{{model}}","messages":[{"role":"user","content":"{{text}}"}]{{more}}}""";

    public static Task<HttpResponseMessage> SendAsync(
        HttpClient client, string body, HttpCompletionOption until = HttpCompletionOption.ResponseContentRead, CancellationToken cancel = default) =>
        SendToAsync("/v1/chat/completions", client, body, until, cancel);

    public static async Task<HttpResponseMessage> SendToAsync(
        string path, HttpClient client, string body, HttpCompletionOption until = HttpCompletionOption.ResponseContentRead, CancellationToken cancel = default)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(path, UriKind.Relative))
        {
            Content = new StringContent(body, new MediaTypeHeaderValue("application/json")),
        };
        return await client.SendAsync(request, until, cancel);
    }

    public static string RequestIdOf(HttpResponseMessage answer) => answer.Headers.GetValues("X-Request-Id").Single();

    public static async Task<JsonElement> ErrorOf(HttpResponseMessage answer)
    {
        using var document = JsonDocument.Parse(await answer.Content.ReadAsStringAsync());
        return document.RootElement.GetProperty("error").Clone();
    }

    public async Task<HttpClient> KeyAsync(NewKey? key = null) => Server.Client((await Server.CreateKeyAsync(key ?? new NewKey())).Key);

    /// <summary>The ledger's rows of a request, as soon as they are there.</summary>
    public async Task<JsonElement> AttemptsAsync(string requestId)
    {
        for (var tries = 0; ; tries++)
        {
            try
            {
                return (await Server.GetAsync($"/v1/gateway/requests/{requestId}")).GetProperty("attempts");
            }
            catch (CrewApiException missing) when (missing.Status == 404 && tries < 200)
            {
                await Task.Delay(25);
            }
        }
    }
}

[CollectionDefinition(Name)]
public sealed class GatewayServerGroup : ICollectionFixture<GatewayServer>
{
    public const string Name = "the gateway, end to end";
}
