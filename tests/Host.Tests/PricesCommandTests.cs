using System.Text.Json;

namespace Crew.Host.Tests;

/// <summary>Prices over the command line: exported, edited, imported, from a list of ours and of LiteLLM.</summary>
public sealed class PricesCommandTests
{
    private const string LiteLlm = """
        {"sample_spec":{"input_cost_per_token":0},
         "haiku":{"litellm_provider":"openai","mode":"chat","input_cost_per_token":1e-07,"output_cost_per_token":5e-07,"cache_read_input_token_cost":1e-08,
           "input_cost_per_token_above_100k_tokens":5e-07,"output_cost_per_token_above_100k_tokens":2.5e-06,"input_cost_per_audio_token":0.000032,
           "input_cost_per_token_flex":5e-08,"output_cost_per_token_flex":2.5e-07,"input_cost_per_token_priority":2e-07,"max_output_tokens":64000},
         "openai/whisper":{"litellm_provider":"openai","mode":"audio_transcription","input_cost_per_second":0.0001},
         "pixels":{"litellm_provider":"openai","mode":"image_generation","input_cost_per_pixel":1.9e-08}}
        """;

    [Fact]
    public async Task Prices_are_taken_over_for_the_models_that_are_there_with_a_report_of_the_rest()
    {
        await using var server = await CrewServer.StartNewAsync(new CrewServerOptions { Egress = ["provider@127.0.0.1:1"] });
        var provider = await server.CreateProviderAtAsync(new Uri("http://127.0.0.1:1/v1"), "sk-any-credential-0123456789");
        foreach (var (id, upstream) in new[] { ("haiku", "haiku-20261001"), ("hears", "whisper"), ("draws", "pixels"), ("mine", "own-model"), ("gpt", "gpt-6-luna") })
        {
            await server.CreateModelAsync(new NewModel { Id = id, ProviderId = provider, UpstreamModel = upstream, MaxOutputTokens = null });
        }

        var file = Path.Combine(server.Root, "prices.json");
        await File.WriteAllTextAsync(file, LiteLlm);
        var dry = await PricesAsync(server, "import", file, "--dry-run", "--json");
        dry.GetProperty("dry_run").GetBoolean().ShouldBeTrue();
        var report = await PricesAsync(server, "import", file, "--json");
        Ids(report, "changed").ShouldBe(["haiku", "hears"]);
        report.GetProperty("changed").GetRawText().ShouldBe(dry.GetProperty("changed").GetRawText(), "a dry run changes nothing and says the same");
        report.GetProperty("unknown").EnumerateArray().Select(u => u.GetString()).ShouldBe(["gpt", "mine"]);
        report.GetProperty("skipped")[0].GetProperty("id").GetString().ShouldBe("draws");
        report.GetProperty("skipped")[0].GetProperty("reason").GetString()!.ShouldContain("input_cost_per_pixel");

        var prices = (await server.GetAsync("/v1/gateway/models/haiku")).GetProperty("price_per_million_usd");
        prices.GetProperty("input").GetString().ShouldBe("0.100000000");
        prices.GetProperty("audio_input").GetString().ShouldBe("32.000000000");
        prices.GetProperty("above")[0].GetProperty("input_tokens").GetInt64().ShouldBe(100_000);
        prices.GetProperty("above")[0].GetProperty("output").GetString().ShouldBe("2.500000000");
        prices.GetProperty("service_tiers").EnumerateObject().Select(t => t.Name).ShouldBe(["flex"], "a dearer tier would bound every call that names none");
        var hears = await server.GetAsync("/v1/gateway/models/hears");
        hears.GetProperty("price_per_unit_usd").GetProperty("second").GetString().ShouldBe("0.000100000");
        hears.GetProperty("price_per_million_usd").ValueKind.ShouldBe(JsonValueKind.Null);

        var again = await PricesAsync(server, "import", file, "--json");
        again.GetProperty("changed").GetArrayLength().ShouldBe(0);
        again.GetProperty("unchanged").GetArrayLength().ShouldBe(2);

        var builtIn = await PricesAsync(server, "import", "--built-in", "--json");
        Ids(builtIn, "changed").ShouldBe(["gpt"]);
        (await server.GetAsync("/v1/gateway/models/gpt")).GetProperty("max_output_tokens").GetInt32().ShouldBe(128_000, "a limit that was not set");

        var exported = await server.CommandAsync("prices", "export", "--data", server.DataFolder);
        exported.ExitCode.ShouldBe(0, exported.Error);
        await File.WriteAllTextAsync(file, exported.Output.Replace("\"0.100000000\"", "\"0.3\"", StringComparison.Ordinal));
        Ids(await PricesAsync(server, "import", file, "--json"), "changed").ShouldContain("haiku");
        var log = await server.GetAsync("/v1/audit-logs?event_type=model.updated");
        log.GetArrayLength().ShouldBeGreaterThan(3);
    }

    [Theory]
    [InlineData("{", "line 1")]
    [InlineData("""{"models":[{"id":"a","price_per_million_usd":{"inptu":"1"}}]}""", "inptu")]
    [InlineData("[]", "no list of prices")]
    [InlineData("{}", "no model")]
    [InlineData(null, "no readable file")]
    public async Task A_file_that_is_no_list_is_refused(string? text, string says)
    {
        await using var server = new CrewServer();
        await server.InitAsync();
        var file = Path.Combine(server.Root, "prices.json");
        if (text is not null)
        {
            await File.WriteAllTextAsync(file, text);
        }

        var refused = await server.CommandAsync("prices", "import", file, "--data", server.DataFolder);
        refused.ExitCode.ShouldBe(1);
        refused.Error.ShouldContain(says);
    }

    private static IEnumerable<string?> Ids(JsonElement report, string field) => report.GetProperty(field).EnumerateArray().Select(c => c.GetProperty("id").GetString());

    private static async Task<JsonElement> PricesAsync(CrewServer server, params string[] arguments)
    {
        var command = await server.CommandAsync(["prices", .. arguments, "--data", server.DataFolder]);
        command.ExitCode.ShouldBe(0, command.Error);
        using var document = JsonDocument.Parse(command.Output);
        return document.RootElement.Clone();
    }
}
