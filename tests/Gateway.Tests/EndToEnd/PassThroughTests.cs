using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Crew.Testing;
using Microsoft.AspNetCore.Http;
using Shouldly;
using Xunit;
using static Crew.Gateway.Tests.EndToEnd.GatewayServer;

namespace Crew.Gateway.Tests.EndToEnd;

/// <summary>The built product before a provider of any path.</summary>
public sealed class PassThroughStage : IAsyncLifetime
{
    internal StubProvider Stub { get; private set; } = null!;

    internal CrewServer Server { get; private set; } = null!;

    internal HttpClient Client { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Stub = await StubProvider.StartAsync();
        Server = await CrewServer.StartNewAsync(new CrewServerOptions { Egress = [$"provider@127.0.0.1:{Stub.Port}"] });
        var provider = await Server.CreateProviderAtAsync(new Uri($"http://127.0.0.1:{Stub.Port}/v1"), Credential);
        await Server.CreateModelAsync(new NewModel { Id = "any", ProviderId = provider, UpstreamModel = "upstream-any" });
        var claude = await Server.CreateProviderAtAsync(new Uri($"http://127.0.0.1:{Stub.Port}/v1"), Credential, kind: "anthropic");
        await Server.CreateModelAsync(new NewModel { Id = "claude", ProviderId = claude, UpstreamModel = "upstream-claude" });
        Client = Server.Client((await Server.CreateKeyAsync(new NewKey { Budget = new NewKeyBudget("5.00", "day", "tracking") })).Key);
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        await Stub.DisposeAsync();
    }
}

/// <summary>The endpoints that pass as they come, and Azure's way of naming things.</summary>
public sealed class PassThroughTests : IClassFixture<PassThroughStage>
{
    private const string Cheap = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nany\r\n";
    private const string Dear = "\r\n\r\ndear\r\n--b--\r\n";

    private readonly StubProvider _stub;
    private readonly CrewServer _server;
    private readonly HttpClient _client;

    public PassThroughTests(PassThroughStage stage)
    {
        (_stub, _server, _client) = (stage.Stub, stage.Server, stage.Client);
        _stub.Seen.Clear();
        _stub.Answer = http => Results.Text(RawProvider.Good, "application/json").ExecuteAsync(http);
    }

    [Theory]
    [InlineData("/v1/completions")]
    [InlineData("/v1/moderations")]
    [InlineData("/v1/images/generations")]
    public async Task Json_passes_but_for_the_model_and_its_usage_is_metered(string path)
    {
        using var answer = await _client.PostAsync(new Uri(path, UriKind.Relative), Json("""{"x":1.0, "model" : "any","prompt":"hi","seed":123456789012345678901}"""));
        (await answer.Content.ReadAsStringAsync()).ShouldBe(RawProvider.Good);
        _stub.Seen.Single().Text.ShouldBe("""{"x":1.0, "model" : "upstream-any","prompt":"hi","seed":123456789012345678901}""");
        _stub.Seen.Single().PathAndQuery.ShouldBe(path);
        var attempt = await AttemptAsync(answer);
        attempt.GetProperty("endpoint").GetString().ShouldBe(path);
        attempt.GetProperty("provenance").GetString().ShouldBe("exact");
        attempt.GetProperty("tokens").GetProperty("input").GetInt64().ShouldBe(5);
    }

    [Fact]
    public async Task A_form_passes_byte_for_byte_but_for_the_model()
    {
        _stub.Answer = http => Results.Text("""{"text":"hello","usage":{"type":"duration","seconds":3}}""", "application/json").ExecuteAsync(http);
        var file = Enumerable.Range(0, 100_000).Select(i => (byte)(i * 31 % 256)).ToArray();
        using var form = new MultipartFormDataContent("the-boundary") { { new ByteArrayContent(file), "file", "model.wav" }, { new StringContent("any"), "model" } };
        var sent = await form.ReadAsByteArrayAsync();
        using var answer = await _client.PostAsync(new Uri("/v1/audio/transcriptions", UriKind.Relative), form);
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        var seen = _stub.Seen.Single();
        seen.ContentType.ShouldBe("multipart/form-data; boundary=\"the-boundary\"");
        var at = Encoding.Latin1.GetString(sent).IndexOf("\r\n\r\nany\r\n", StringComparison.Ordinal) + 4;
        seen.Body.ShouldBe([.. sent[..at], .. "upstream-any"u8, .. sent[(at + 3)..]]);
        (await AttemptAsync(answer)).GetProperty("provenance").GetString().ShouldBe("estimated");
    }

    [Fact]
    public async Task Speech_passes_as_it_comes_and_a_page_does_not()
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _stub.Answer = async http =>
        {
            http.Response.ContentType = "audio/mpeg";
            http.Response.Headers.SetCookie = "account=secret";
            await http.Response.Body.WriteAsync(new byte[] { 1, 2, 3 });
            await http.Response.Body.FlushAsync();
            await gate.Task;
            await http.Response.Body.WriteAsync(new byte[] { 4 });
        };
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/audio/speech") { Content = Json("""{"model":"any","input":"Hello","voice":"a"}""") };
        using var answer = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        answer.Headers.Contains("Set-Cookie").ShouldBeFalse();
        answer.Content.Headers.ContentType!.MediaType.ShouldBe("audio/mpeg");
        await using var stream = await answer.Content.ReadAsStreamAsync();
        var first = new byte[3];
        await stream.ReadExactlyAsync(first);
        first.ShouldBe([1, 2, 3], "the first bytes are there while the rest is not");
        gate.SetResult();
        stream.ReadByte().ShouldBe(4);
        stream.ReadByte().ShouldBe(-1);
        (await AttemptAsync(answer)).GetProperty("cost_usd").GetString().ShouldNotBe(Usd(0), "what says nothing of its price is not free");

        _stub.Answer = http => Results.Text("<html>", "text/html").ExecuteAsync(http);
        using var page = await _client.PostAsync(new Uri("/v1/audio/speech", UriKind.Relative), Json("""{"model":"any"}"""));
        page.StatusCode.ShouldBe(HttpStatusCode.BadGateway);
    }

    [Fact]
    public async Task What_has_no_bound_is_refused_under_a_strict_budget_and_moderations_are_free()
    {
        var strict = _server.Client((await _server.CreateKeyAsync(new NewKey { Budget = new NewKeyBudget("5.00") })).Key);
        using var refused = await strict.PostAsync(new Uri("/v1/images/generations", UriKind.Relative), Json("""{"model":"any","prompt":"a cat"}"""));
        refused.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await ErrorOf(refused)).GetProperty("code").GetString().ShouldBe("cost_not_boundable");
        _stub.Seen.ShouldBeEmpty();
        using var free = await strict.PostAsync(new Uri("/v1/moderations", UriKind.Relative), Json("""{"model":"any","input":"x"}"""));
        free.StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Theory]
    [InlineData("{}", "model")]
    [InlineData("""{"model":1}""", "model")]
    [InlineData("""{"model":"any","model":"other"}""", "second time")]
    [InlineData("""{"model":"any","Model":"other"}""", "differs")]
    [InlineData("""{"model":"any"} x""", "not valid JSON")]
    [InlineData("[]", "not an object")]
    public async Task A_body_that_could_be_read_in_two_ways_is_refused(string body, string says)
    {
        using var refused = await _client.PostAsync(new Uri("/v1/images/generations", UriKind.Relative), Json(body));
        refused.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await ErrorOf(refused)).GetProperty("message").GetString()!.ShouldContain(says);
        _stub.Seen.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("no form at all")]
    [InlineData("--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nany")]
    [InlineData("--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nany\r\n--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nany\r\n--b--\r\n")]
    [InlineData("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"model\"\r\n\r\nany\r\n--b--\r\n")]
    [InlineData(Cheap + "--b\r\nContent-Disposition: form-data;\r\n name=\"model\"" + Dear)]
    [InlineData(Cheap + "--b\r\nContent-Disposition: form-data; xname=\"a\"; name=\"model\"" + Dear)]
    [InlineData(Cheap + "--b\r\nContent-Disposition: form-data; name=\"a\"; name=\"model\"" + Dear)]
    [InlineData(Cheap + "--b\r\nContent-Disposition: form-data; name=\"a\"; name*=utf-8''model" + Dear)]
    [InlineData(Cheap + "--b\r\nContent-Disposition: form-data; name=\"model\"; filename=\"a\"" + Dear)]
    [InlineData(Cheap + "--b\r\nContent-Disposition: form-data; name=\"\\model\"" + Dear)]
    [InlineData(Cheap + "--b\r\nContent-Disposition: form-data; name=\"Model\"" + Dear)]
    [InlineData(Cheap + "--b\r\nContent-Disposition: form-data; name=\"models\"" + Dear)]
    [InlineData(Cheap + "--b\r\nX: y\nContent-Disposition: form-data; name=\"model\"\r\nContent-Disposition: form-data; name=\"a\"" + Dear)]
    [InlineData(Cheap + "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\n--b\nContent-Disposition: form-data; name=\"model\"\n\ndear\n\r\n--b--\r\n")]
    [InlineData(Cheap + "--b--\r\n--b\r\nContent-Disposition: form-data; name=\"model\"" + Dear)]
    [InlineData("--b\r\nContent-Disposition: form-data; name=\"model\"\r\nContent-Transfer-Encoding: base64\r\n\r\nany\r\n--b--\r\n")]
    public async Task A_form_that_is_none_is_refused(string body)
    {
        using var content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
        content.Headers.ContentType = MediaTypeHeaderValue.Parse("multipart/form-data; boundary=b");
        using var refused = await _client.PostAsync(new Uri("/v1/images/edits", UriKind.Relative), content);
        refused.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        _stub.Seen.ShouldBeEmpty();
    }

    /// <summary>A boundary of the header that is not the form's would have the provider find another form in the same bytes.</summary>
    [Theory]
    [InlineData("multipart/form-data; boundary=b")]
    [InlineData("multipart/form-data; boundary=b; boundary=a")]
    [InlineData("multipart/form-data")]
    public async Task A_provider_finds_the_form_that_was_read(string type)
    {
        const string Body = "--a\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nany\r\n--a\r\nContent-Disposition: form-data; name=\"x\"\r\n"
            + "\r\n\r\n" + Cheap + "--b--\r\n\r\n--a--\r\n";
        using var content = new ByteArrayContent(Encoding.UTF8.GetBytes(Body));
        content.Headers.TryAddWithoutValidation("Content-Type", type);
        using var answer = await _client.PostAsync(new Uri("/v1/images/edits", UriKind.Relative), content);
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        _stub.Seen.Single().ContentType.ShouldBe("multipart/form-data; boundary=\"a\"");
    }

    [Theory]
    [InlineData("""{"model":"any","models":["dear"]}""")]
    [InlineData("""{"model":"any","fallbacks":["dear"]}""")]
    [InlineData("""{"model":"any","\u017ftream":true}""")]
    public async Task Further_models_are_refused_where_only_the_model_is_read(string body)
    {
        using var refused = await _client.PostAsync(new Uri("/v1/completions", UriKind.Relative), Json(body));
        refused.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        _stub.Seen.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_revoked_key_loses_its_open_file()
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _stub.Answer = async http =>
        {
            http.Response.ContentType = "audio/mpeg";
            await http.Response.Body.WriteAsync(new byte[] { 1 });
            await http.Response.Body.FlushAsync();
            await gate.Task;
        };
        var key = await _server.CreateKeyAsync(new NewKey());
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/audio/speech") { Content = Json("""{"model":"any","input":"Hello","voice":"a"}""") };
        using var answer = await _server.Client(key.Key).SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        await using var stream = await answer.Content.ReadAsStreamAsync();
        stream.ReadByte().ShouldBe(1);
        using var revoked = await _server.Master.DeleteAsync(new Uri($"/v1/api-keys/{key.Id}", UriKind.Relative));
        revoked.StatusCode.ShouldBe(HttpStatusCode.OK);
        await Should.ThrowAsync<IOException>(async () => await stream.ReadExactlyAsync(new byte[1])).WaitAsync(TimeSpan.FromSeconds(20));
        gate.SetResult();
    }

    [Fact]
    public async Task Azure_is_called_by_deployment_and_version_with_its_own_header()
    {
        var provider = await _server.PostAsync("/v1/gateway/providers", new Dictionary<string, object?>
        {
            ["name"] = "Azure", ["kind"] = "azure_openai", ["base_url"] = $"http://127.0.0.1:{_stub.Port}", ["api_key"] = Credential, ["api_version"] = "2024-10-21",
        });
        provider.GetProperty("api_version").GetString().ShouldBe("2024-10-21");
        await _server.CreateModelAsync(new NewModel { Id = "azured", ProviderId = provider.GetProperty("id").GetString()!, UpstreamModel = "my deployment" });
        const string filtered = """
            {"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop","content_filter_results":{"hate":{"filtered":false}}}],
            "prompt_filter_results":[],"usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6}}
            """;
        _stub.Answer = http => Results.Text(filtered, "application/json").ExecuteAsync(http);
        using var answer = await SendAsync(_client, Body(model: "azured"));
        (await answer.Content.ReadAsStringAsync()).ShouldBe(filtered, "content filter fields pass as they came");
        var seen = _stub.Seen.Single();
        seen.PathAndQuery.ShouldBe("/openai/deployments/my%20deployment/chat/completions?api-version=2024-10-21");
        (seen.ApiKey, seen.Authorization).ShouldBe((Credential, null));
        await _server.PostAsync($"/v1/gateway/providers/{provider.GetProperty("id").GetString()}/test", []);
        _stub.Seen.Last().PathAndQuery.ShouldBe("/openai/models?api-version=2024-10-21");
    }

    [Theory]
    [InlineData("azure_openai", "https://x.openai.azure.com", null, "api_version")]
    [InlineData("azure_openai", "https://x.openai.azure.com", "latest", "api_version")]
    [InlineData("azure_openai", "https://x.openai.azure.com/openai/v1", "2024-10-21", "base_url")]
    [InlineData("openai", "https://api.openai.com/v1", "2024-10-21", "api_version")]
    public async Task An_azure_provider_that_cannot_be_is_refused(string kind, string baseUrl, string? version, string field)
    {
        var refused = await Should.ThrowAsync<CrewApiException>(_server.PostAsync("/v1/gateway/providers", new Dictionary<string, object?>
        {
            ["name"] = "x", ["kind"] = kind, ["base_url"] = baseUrl, ["api_version"] = version,
        }));
        refused.Status.ShouldBe(400);
        refused.Message.ShouldContain(field);
    }

    private static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");

    private async Task<JsonElement> AttemptAsync(HttpResponseMessage answer)
    {
        for (var tries = 0; ; tries++)
        {
            try
            {
                return (await _server.GetAsync($"/v1/gateway/requests/{RequestIdOf(answer)}")).GetProperty("attempts")[0];
            }
            catch (CrewApiException missing) when (missing.Status == 404 && tries < 200)
            {
                await Task.Delay(25);
            }
        }
    }
}
