using System.Net;
using System.Text;
using System.Text.Json;
using Crew.Testing;
using Microsoft.AspNetCore.Http;
using Shouldly;
using Xunit;
using static Crew.Gateway.Tests.EndToEnd.GatewayServer;

namespace Crew.Gateway.Tests.EndToEnd;

/// <summary>The built product on each database before a provider of any path, with models that are billed in every way.</summary>
public sealed class ModalityStage : IAsyncLifetime
{
    private readonly Dictionary<bool, CrewServer> _servers = [];

    internal StubProvider Stub { get; private set; } = null!;

    internal CrewServer On(bool postgres) => _servers[postgres];

    public async ValueTask InitializeAsync()
    {
        Stub = await StubProvider.StartAsync();
        foreach (var postgres in new[] { false, true })
        {
            var database = postgres ? await (await PostgresServer.SharedAsync()).CreateDatabaseAsync() : null;
            var server = await CrewServer.StartNewAsync(new CrewServerOptions { Egress = [$"provider@127.0.0.1:{Stub.Port}"], Database = database });
            _servers[postgres] = server;
            var provider = await server.CreateProviderAtAsync(new Uri($"http://127.0.0.1:{Stub.Port}/v1"), Credential);
            await AddAsync(server, provider, "by-image", null, new { images = new[] { new { size = "1024x1024", quality = "hd", usd = "0.08" } }, image = "0.04" });
            await AddAsync(server, provider, "by-second", null, new { second = "0.0001" });
            await AddAsync(server, provider, "by-character", null, new { character = "0.000015" });
            await AddAsync(server, provider, "image-tokens", new { input = "5", output = "40", image_input = "10", image_output = "40" }, null, maxOutput: 6_240);
            await AddAsync(server, provider, "rich", new
            {
                input = "2", output = "10", cache_read = "0.2", audio_input = "32", audio_output = "64",
                above = new[] { new { input_tokens = 2_000, input = "4", output = "15" } },
                service_tiers = new { flex = new { input = "1", output = "5" } },
            }, null, maxOutput: 100, maxImage: 1_600);
            await AddAsync(server, provider, "plain", new { input = "2", output = "10" }, null, maxOutput: 100);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers.Values)
        {
            await server.DisposeAsync();
        }

        await Stub.DisposeAsync();
    }

    private static async Task AddAsync(CrewServer server, string provider, string id, object? tokens, object? units, int? maxOutput = null, int? maxImage = null) =>
        await server.PostAsync("/v1/gateway/models", new Dictionary<string, object?>
        {
            ["id"] = id, ["targets"] = new[] { new { provider_id = provider, upstream_model = id } }, ["price_per_million_usd"] = tokens,
            ["price_per_unit_usd"] = units, ["max_output_tokens"] = maxOutput, ["max_image_tokens"] = maxImage,
        });
}

/// <summary>What is set aside, and what is charged, for everything that is not plain text; under strict budgets nothing goes over.</summary>
public sealed class ModalityTests : IClassFixture<ModalityStage>
{
    private const string Picture = """{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x.example/a.png"}},{"type":"text","text":"?"}]}""";

    private readonly ModalityStage _stage;
    private readonly StubProvider _stub;

    public ModalityTests(ModalityStage stage)
    {
        (_stage, _stub) = (stage, stage.Stub);
        _stub.Seen.Clear();
    }

    private void Says(string json) => _stub.Answer = http => Results.Text(json, "application/json").ExecuteAsync(http);

    private async Task<(HttpClient Client, CrewServer Server, string Budget)> StrictAsync(string usd, bool postgres = false)
    {
        var server = _stage.On(postgres);
        var key = await server.CreateKeyAsync(new NewKey());
        return (server.Client(key.Key), server, await server.CreateBudgetAsync($"key:{key.Id}", usd));
    }

    private static async Task<JsonElement> SettledAsync(CrewServer server, string budget, HttpResponseMessage answer, string usd)
    {
        answer.StatusCode.ShouldBe(HttpStatusCode.OK, await answer.Content.ReadAsStringAsync());
        var explained = await server.ExplainBudgetAsync(budget);
        explained.GetProperty("settled_usd").GetString().ShouldBe(usd);
        explained.GetProperty("held_usd").GetString().ShouldBe("0.000000000");
        return (await server.GetAsync($"/v1/gateway/requests/{RequestIdOf(answer)}")).GetProperty("attempts")[0];
    }

    private async Task RefusedAsync(HttpResponseMessage answer, HttpStatusCode status, string code)
    {
        (await ErrorOf(answer)).GetProperty("code").GetString().ShouldBe(code);
        answer.StatusCode.ShouldBe(status);
        _stub.Seen.ShouldBeEmpty("nothing went out");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Images_are_billed_by_number_size_and_quality_and_bounded_by_them(bool postgres)
    {
        Says("""{"created":1,"data":[{"url":"https://x/1"},{"url":"https://x/2"}]}""");
        var (client, server, budget) = await StrictAsync("0.39", postgres);
        using var answer = await SendToAsync("/v1/images/generations", client, """{"model":"by-image","prompt":"a cat","n":2,"size":"1024x1024","quality":"hd"}""");
        var attempt = await SettledAsync(server, budget, answer, "0.160000000");
        attempt.GetProperty("units").GetProperty("images").GetInt64().ShouldBe(2);
        attempt.GetProperty("provenance").GetString().ShouldBe("exact");

        _stub.Seen.Clear();
        using var many = await SendToAsync("/v1/images/generations", client, """{"model":"by-image","prompt":"a cat","n":3}""");
        await RefusedAsync(many, HttpStatusCode.PaymentRequired, "insufficient_quota");
        using var few = await SendToAsync("/v1/images/generations", client, """{"model":"by-image","prompt":"a cat","n":2}""");
        var open = await SettledAsync(server, budget, few, "0.320000000");
        open.GetProperty("provenance").GetString().ShouldBe("estimated", "what the provider chose was charged at the dearest");
        _stub.Seen.Clear();
        using var unread = await SendToAsync("/v1/images/generations", client, """{"model":"by-image","prompt":"a","upscale":4}""");
        await RefusedAsync(unread, HttpStatusCode.BadRequest, "cost_not_boundable");
    }

    [Theory]
    [InlineData("""{"model":"by-image","prompt":"a","n":0}""")]
    [InlineData("""{"model":"by-image","prompt":"a","n":"2"}""")]
    [InlineData("""{"model":"by-image","prompt":"a","size":"a","size":"b"}""")]
    [InlineData("""{"model":"by-image","prompt":"a","N":4}""")]
    [InlineData("""{"model":"by-image","prompt":"a","partial_images":2}""")]
    public async Task What_might_be_read_as_more_images_is_refused_under_a_strict_budget(string body)
    {
        var (client, _, _) = await StrictAsync("5");
        using var answer = await SendToAsync("/v1/images/generations", client, body);
        await RefusedAsync(answer, HttpStatusCode.BadRequest, "cost_not_boundable");
    }

    [Fact]
    public async Task Images_that_are_billed_by_tokens_are_bounded_by_the_models_most_for_each()
    {
        Says("""{"created":1,"data":[{"b64_json":"AA=="}],"usage":{"input_tokens":50,"output_tokens":4160,"total_tokens":4210,"input_tokens_details":{"text_tokens":10,"image_tokens":40}}}""");
        const string body = """{"model":"image-tokens","prompt":"a cat","quality":"high"}""";
        var worst = Usd(((body.Length + 256) * 10_000) + (6_240 * 40_000));
        var (client, server, budget) = await StrictAsync(worst);
        using var answer = await SendToAsync("/v1/images/generations", client, body);
        var attempt = await SettledAsync(server, budget, answer, "0.166850000");
        attempt.GetProperty("tokens").GetProperty("image_output").GetInt64().ShouldBe(4_160);
        attempt.GetProperty("tokens").GetProperty("image_input").GetInt64().ShouldBe(40);
        _stub.Seen.Clear();
        using var second = await SendToAsync("/v1/images/generations", client, body);
        await RefusedAsync(second, HttpStatusCode.PaymentRequired, "insufficient_quota");
    }

    [Fact]
    public async Task Speech_is_billed_by_characters_and_a_recording_by_seconds()
    {
        _stub.Answer = http => Results.Bytes("RIFF"u8.ToArray(), "audio/wav").ExecuteAsync(http);
        var (client, server, budget) = await StrictAsync("0.000090");
        using var spoken = await SendToAsync("/v1/audio/speech", client, """{"model":"by-character","input":"Hé😀!\n","voice":"a"}""");
        var attempt = await SettledAsync(server, budget, spoken, "0.000090000");
        attempt.GetProperty("units").GetProperty("characters").GetInt64().ShouldBe(6);
        attempt.GetProperty("provenance").GetString().ShouldBe("estimated");

        Says("""{"text":"hello","usage":{"type":"duration","seconds":61}}""");
        _stub.Seen.Clear();
        using var form = new MultipartFormDataContent { { new StringContent("by-second"), "model" }, { new ByteArrayContent(new byte[64_000]), "file", "a.wav" } };
        using var bounded = await client.PostAsync(new Uri("/v1/audio/transcriptions", UriKind.Relative), form);
        await RefusedAsync(bounded, HttpStatusCode.BadRequest, "cost_not_boundable");
        var tracking = server.Client((await server.CreateKeyAsync(new NewKey { Budget = new NewKeyBudget("5", "day", "tracking") })).Key);
        using var again = new MultipartFormDataContent { { new StringContent("by-second"), "model" }, { new ByteArrayContent(new byte[64_000]), "file", "a.wav" } };
        using var heard = await tracking.PostAsync(new Uri("/v1/audio/transcriptions", UriKind.Relative), again);
        var row = (await server.GetAsync($"/v1/gateway/requests/{RequestIdOf(heard)}")).GetProperty("attempts")[0];
        row.GetProperty("cost_usd").GetString().ShouldBe("0.006100000");
        row.GetProperty("units").GetProperty("audio_seconds").GetInt64().ShouldBe(61);

        _stub.Answer = http => Results.Text("hello", "text/plain").ExecuteAsync(http);
        using var third = new MultipartFormDataContent { { new StringContent("by-second"), "model" }, { new ByteArrayContent(new byte[64_000]), "file", "a.wav" } };
        using var silent = await tracking.PostAsync(new Uri("/v1/audio/transcriptions", UriKind.Relative), third);
        var guess = (await server.GetAsync($"/v1/gateway/requests/{RequestIdOf(silent)}")).GetProperty("attempts")[0];
        guess.GetProperty("provenance").GetString().ShouldBe("estimated");
        guess.GetProperty("cost_usd").GetString().ShouldBe("0.000400000", "four seconds at 16,000 bytes a second");
    }

    [Fact]
    [Trait("Trap", "24")]
    public async Task Completions_are_bounded_by_their_cap_for_every_prompt_and_choice()
    {
        Says("""{"choices":[{"text":"x"}],"usage":{"prompt_tokens":4,"completion_tokens":40,"total_tokens":44}}""");
        const string body = """{"model":"plain","prompt":["a","b"],"n":2,"max_tokens":10}""";
        var (client, server, budget) = await StrictAsync(Usd(((body.Length + 256) * 2_000) + (40 * 10_000)));
        using var answer = await SendToAsync("/v1/completions", client, body);
        await SettledAsync(server, budget, answer, "0.000408000");
        _stub.Seen.Clear();
        using var echo = await SendToAsync("/v1/completions", client, """{"model":"plain","prompt":"a","echo":true,"max_tokens":1}""");
        await RefusedAsync(echo, HttpStatusCode.BadRequest, "cost_not_boundable");
        var (other, _, _) = await StrictAsync("1");
        using var uncapped = await SendToAsync("/v1/completions", other, """{"model":"plain","prompt":[[1,2],[3]]}""");
        uncapped.StatusCode.ShouldBe(HttpStatusCode.OK);
        _stub.Seen.Single().Text.ShouldBe("""{"max_tokens":16,"model":"plain","prompt":[[1,2],[3]]}""", "the endpoint's own cap, said aloud");
    }

    [Fact]
    public async Task A_picture_in_a_prompt_is_bounded_where_the_model_says_how_many_tokens_it_can_be()
    {
        Says("""{"choices":[{"message":{"content":"A cat."},"finish_reason":"stop"}],"usage":{"prompt_tokens":900,"completion_tokens":3,"total_tokens":903}}""");
        var (client, server, budget) = await StrictAsync("1");
        using var unknown = await SendAsync(client, $$"""{"model":"plain","messages":[{{Picture}}]}""");
        await RefusedAsync(unknown, HttpStatusCode.BadRequest, "cost_not_boundable");
        using var answer = await SendAsync(client, $$"""{"model":"rich","messages":[{{Picture}}]}""");
        await SettledAsync(server, budget, answer, "0.001830000");

        // Two pictures of 1,600 tokens pass the step of 2,000: the whole call may cost the dearer price. The bytes of a picture are not text.
        var inline = Picture.Replace("https://x.example/a.png", "data:image/png;base64," + new string('A', 50_000), StringComparison.Ordinal);
        var body = $$"""{"model":"rich","max_tokens":1,"messages":[{{inline}},{{Picture}}]}""";
        var text = body.Length - inline.Length - Picture.Length + (2 * (Picture.Length - "{\"url\":\"https://x.example/a.png\"}".Length));
        var worst = ((text + 256 + 3_200) * 4_000L) + 15_000;
        var (tight, _, _) = await StrictAsync(Usd(worst - 1));
        _stub.Seen.Clear();
        using var refused = await SendAsync(tight, body);
        await RefusedAsync(refused, HttpStatusCode.PaymentRequired, "insufficient_quota");
        var (enough, _, _) = await StrictAsync(Usd(worst));
        using var fits = await SendAsync(enough, body);
        fits.StatusCode.ShouldBe(HttpStatusCode.OK, await fits.Content.ReadAsStringAsync());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Spoken_answers_and_service_tiers_are_paid_at_their_own_prices(bool postgres)
    {
        Says("""
            {"service_tier":"flex","choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":100,"completion_tokens":20,"total_tokens":120}}
            """);
        var (client, server, budget) = await StrictAsync("1", postgres);
        using var flex = await SendAsync(client, Body(""","service_tier":"flex" """, "rich"));
        await SettledAsync(server, budget, flex, "0.000200000");
        _stub.Seen.Clear();
        using var priority = await SendAsync(client, Body(""","service_tier":"priority" """, "rich"));
        await RefusedAsync(priority, HttpStatusCode.BadRequest, "cost_not_boundable");
        using var plain = await SendAsync(client, Body(""","modalities":["text","audio"],"audio":{"voice":"a","format":"wav"}""", "plain"));
        await RefusedAsync(plain, HttpStatusCode.BadRequest, "cost_not_boundable");

        Says("""
            {"choices":[{"message":{"content":null,"audio":{"data":"AA=="}},"finish_reason":"stop"}],"usage":{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150,
            "completion_tokens_details":{"audio_tokens":40}}}
            """);
        using var spoken = await SendAsync(client, Body(""","modalities":["text","audio"],"audio":{"voice":"a","format":"wav"}""", "rich"));
        var attempt = await SettledAsync(server, budget, spoken, "0.003060000");
        attempt.GetProperty("tokens").GetProperty("audio_output").GetInt64().ShouldBe(40);
        attempt.GetProperty("tokens").GetProperty("output").GetInt64().ShouldBe(10);

        var sums = await server.GetAsync("/v1/gateway/usage?group_by=model,provider&model=rich");
        var group = sums.EnumerateArray().Single();
        group.GetProperty("provider_id").GetString()!.ShouldStartWith("prov_");
        group.GetProperty("tokens").GetProperty("audio_output").GetInt64().ShouldBe(40);
    }

    [Fact]
    public async Task A_tier_that_the_answer_names_and_nobody_priced_costs_the_whole_hold_under_a_strict_budget_and_a_floor_elsewhere()
    {
        Says("""{"service_tier":"priority","choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}""");
        var body = Body(model: "plain");
        var (client, server, budget) = await StrictAsync("1");
        using var strict = await SendAsync(client, body);
        var attempt = await SettledAsync(server, budget, strict, Usd(((Encoding.UTF8.GetByteCount(body) + 256) * 2_000) + (100 * 10_000)));
        attempt.GetProperty("provenance").GetString().ShouldBe("estimated");
        var tracking = server.Client((await server.CreateKeyAsync(new NewKey { Budget = new NewKeyBudget("5", "day", "tracking") })).Key);
        using var floor = await SendAsync(tracking, body);
        (await server.GetAsync($"/v1/gateway/requests/{RequestIdOf(floor)}")).GetProperty("attempts")[0].GetProperty("provenance").GetString().ShouldBe("floor");
    }
}
