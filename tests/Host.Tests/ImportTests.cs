using System.Net;
using System.Text;
using System.Text.Json;

namespace Crew.Host.Tests;

public sealed class ImportTests
{
    private const string Secret = "sk-literal-key-of-the-import-0123456789";

    private const string Keys = """
        {"keys":[
          {"token":"88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b","key_name":"sk-...a1b2","key_alias":"team-a","spend":0.4,"max_budget":1.5,
           "models":["mini"],"rpm_limit":100,"tpm_limit":5000,"team_id":"t1","expires":null,"blocked":null,"metadata":{}},
          {"key_alias":"daily","max_budget":2,"budget_duration":"1d","models":[],"spend":1},
          {"key_alias":"odd","max_budget":2,"budget_duration":"45m","models":[]},
          {"key_alias":"gone","expires":"2020-01-01T00:00:00Z"},
          {"key_alias":"stopped","blocked":true},
          "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b"]}
        """;

    [Fact]
    public async Task A_litellm_configuration_comes_along_whole_with_a_report_of_what_could_not()
    {
        await using var mock = await MockProvider.StartAsync();
        await using var server = new CrewServer(new CrewServerOptions
        {
            Providers = [mock], Environment = new Dictionary<string, string?> { ["MOCK_API_KEY"] = "sk-from-the-environment" },
        });
        await server.InitAsync();
        var config = Path.Combine(server.Root, "config.yaml");
        await File.WriteAllTextAsync(config, Config(mock.BaseUrl));
        var keys = Path.Combine(server.Root, "keys.json");
        await File.WriteAllTextAsync(keys, Keys);

        var dry = await ImportAsync(server, "--config", config, "--keys", keys, "--dry-run");
        dry.GetProperty("models").GetArrayLength().ShouldBe(5);
        dry.GetProperty("keys")[0].GetProperty("key").ValueKind.ShouldBe(JsonValueKind.Null);
        var report = await ImportAsync(server, "--config", config, "--keys", keys);
        report.GetProperty("left_behind").GetRawText().ShouldBe(dry.GetProperty("left_behind").GetRawText());
        Texts(report, "models").ShouldBe(["mini", "free", "unpriced", "other-price", "alias"], ignoreOrder: true);
        Texts(report, "providers").ShouldBe(["OpenAI", "OpenAI-compatible", "vLLM"], ignoreOrder: true);
        report.GetRawText().ShouldNotContain(Secret);
        var left = report.GetProperty("left_behind").EnumerateArray().Select(l => l.GetProperty("place").GetString()!).ToList();
        left.ShouldBe(
        [
            "model_list[1] (mini).litellm_params.api_key", "model_list[1] (mini).litellm_params.rpm", "model_list[0] (mini).litellm_params.rpm",
            "model_list[4] (bedrock)", "model_list[5] (*)", "model_list[6]", "litellm_settings.fallbacks (mini)", "litellm_settings.cache",
            "general_settings.master_key", "guardrails", "model unpriced: price", "keys[0] (team-a).team_id", "keys[2] (odd)",
            "keys[3] (gone)", "keys[4] (stopped)", "keys[5]",
        ], ignoreOrder: true);

        await server.StartAsync();
        var mini = await server.GetAsync("/v1/gateway/models/mini");
        mini.GetProperty("targets").EnumerateArray().Select(t => (t.GetProperty("weight").GetInt32(), t.GetProperty("priority").GetInt32()))
            .ShouldBe([(300, 1), (100, 1), (1, 2)]);
        mini.GetProperty("price_per_million_usd").GetProperty("input").GetString().ShouldBe("0.150000000");
        mini.GetProperty("price_per_million_usd").GetProperty("output").GetString().ShouldBe("0.600000000");
        mini.GetProperty("max_output_tokens").GetInt32().ShouldBe(4096);

        var client = server.Client(report.GetProperty("keys")[0].GetProperty("key").GetString());
        (await CallAsync(client, "mini")).ShouldBe(HttpStatusCode.OK);
        (await CallAsync(client, "free")).ShouldBe(HttpStatusCode.NotFound, "the key is for one model");
        var budgets = (await server.GetAsync("/v1/budgets")).EnumerateArray().Select(b =>
            (b.GetProperty("window").GetString(), b.GetProperty("amount_usd").GetString())).ToList();
        budgets.ShouldBe([("total", "1.100000000"), ("day", "2.000000000")], ignoreOrder: true);
        mock.Books.Bills.ShouldNotBeEmpty();

        var again = await ImportAsync(server, "--config", config, "--keys", keys);
        Texts(again, "models").ShouldBeEmpty("what is there stays as it is");
        again.GetProperty("keys").GetArrayLength().ShouldBe(0);
        var log = await server.CommandAsync("audit", "list", "--data", server.DataFolder, "--json");
        log.Output.ShouldContain("operator.imported");
    }

    [Theory]
    [InlineData("model_list: [", "line")]
    [InlineData("- just\n- a list", "mapping")]
    [InlineData(null, "no readable file")]
    [InlineData("a: 1\na: 2", "line 2")]
    [InlineData("a: *nowhere", "line")]
    [InlineData("\u0000\u0001\u0002", "mapping")]
    [InlineData("many brackets", "64 levels")]
    [InlineData("nested keys", "no plain text")]
    [InlineData("many aliases", "10000 aliases")]
    public async Task A_file_that_cannot_be_read_is_refused_with_the_place(string? text, string says)
    {
        await using var server = new CrewServer();
        await server.InitAsync();
        var config = Path.Combine(server.Root, "config.yaml");
        if (text is not null)
        {
            await File.WriteAllTextAsync(config, text switch
            {
                "many brackets" => "model_list: " + new string('[', 200_000),
                "nested keys" => "a: &a [x, x]\nb: &b [*a, *a]\n? *b\n: 1",
                "many aliases" => "a: &a [x]\nb: [" + string.Concat(Enumerable.Repeat("*a,", 10_001)) + "]",
                _ => text,
            });
        }

        var refused = await server.CommandAsync("import", "litellm", "--data", server.DataFolder, "--config", config);
        refused.ExitCode.ShouldBe(1);
        refused.Error.ShouldContain(says);
    }

    [Fact]
    public async Task What_a_configuration_shares_and_stores_comes_along_and_a_key_that_would_be_worth_more_does_not()
    {
        await using var server = new CrewServer(new CrewServerOptions { Environment = new Dictionary<string, string?> { ["MOCK_API_KEY"] = "sk-from-the-environment" } });
        await server.InitAsync();
        var config = Path.Combine(server.Root, "config.yaml");
        await File.WriteAllTextAsync(config, """
            environment_variables: { MOCK_API_KEY: sk-stands-in-the-file-0123456789 }
            credential_list:
              - { credential_name: shared, credential_values: { api_key: os.environ/MOCK_API_KEY, api_base: "https://models.example.com/v1" } }
            defaults: &defaults { input_cost_per_token: 1e-6, output_cost_per_token: 2e-6, litellm_credential_name: shared }
            laughs:
              - &l1 [x, x, x, x, x, x, x, x, x]
              - &l2 [*l1, *l1, *l1, *l1, *l1, *l1, *l1, *l1]
              - &l3 [*l2, *l2, *l2, *l2, *l2, *l2, *l2, *l2]
              - &l4 [*l3, *l3, *l3, *l3, *l3, *l3, *l3, *l3]
              - &l5 [*l4, *l4, *l4, *l4, *l4, *l4, *l4, *l4]
              - &l6 [*l5, *l5, *l5, *l5, *l5, *l5, *l5, *l5]
              - &l7 [*l6, *l6, *l6, *l6, *l6, *l6, *l6, *l6]
              - &l8 [*l7, *l7, *l7, *l7, *l7, *l7, *l7, *l7]
            model_list:
              - model_name: merged
                litellm_params: { <<: *defaults, model: openai/some, input_cost_per_token_above_200k_tokens: 2e-6, input_cost_per_pixel: 1e-9 }
            """);
        var keys = Path.Combine(server.Root, "keys.json");
        await File.WriteAllTextAsync(keys, """
            [{"key_alias":"tabled","models":[1,"merged"],"litellm_budget_table":{"max_budget":3,"budget_duration":"7d"},"spend":"odd","user_id":"u"},
             {"key_alias":"by-model","model_max_budget":{"merged":{"max_budget":1}}},{"key_alias":"routes","allowed_routes":["/embeddings"]},7]
            """);
        var report = await ImportAsync(server, "--config", config, "--keys", keys);
        Texts(report, "models").ShouldBe(["merged"]);
        report.GetRawText().ShouldNotContain("sk-stands-in-the-file");
        var left = report.GetProperty("left_behind").EnumerateArray().ToDictionary(l => l.GetProperty("place").GetString()!, l => l.GetProperty("reason").GetString()!);
        left["keys[1] (by-model)"].ShouldContain("model_max_budget");
        left["keys[2] (routes)"].ShouldContain("worth more");
        left["keys[0] (tabled).user_id"].ShouldNotBeEmpty();
        left["model_list[0] (merged).litellm_params.input_cost_per_pixel"].ShouldContain("no counterpart");
        await server.StartAsync();
        var model = await server.GetAsync("/v1/gateway/models/merged");
        var prices = model.GetProperty("price_per_million_usd");
        prices.GetProperty("input").GetString().ShouldBe("1.000000000");
        prices.GetProperty("above")[0].GetProperty("input").GetString().ShouldBe("2.000000000");
        prices.GetProperty("above")[0].GetProperty("output").GetString().ShouldBe("2.000000000", "a step that names no price of output keeps it");
        var provider = await server.GetAsync($"/v1/gateway/providers/{model.GetProperty("targets")[0].GetProperty("provider_id").GetString()}");
        provider.GetProperty("base_url").GetString().ShouldBe("https://models.example.com/v1");
        provider.GetProperty("key_last4").GetString().ShouldBe("6789");
        var budget = (await server.GetAsync("/v1/budgets")).EnumerateArray().Single();
        (budget.GetProperty("window").GetString(), budget.GetProperty("amount_usd").GetString()).ShouldBe(("week", "3.000000000"));
    }

    private static string Config(Uri mock) => $$"""
        model_list:
          - model_name: mini
            litellm_params:
              model: openai/mock-mini
              api_base: {{mock}}
              api_key: os.environ/MOCK_API_KEY
              rpm: 300
              input_cost_per_token: 0.00000015
              output_cost_per_token: 6e-07
            model_info: { max_tokens: 4096 }
          - model_name: mini
            litellm_params:
              model: mock-mini-2
              api_base: {{mock}}
              api_key: os.environ/MOCK_TOKEN
              rpm: 100
              input_cost_per_token: 0.00000015
              output_cost_per_token: 6e-07
          - model_name: free
            litellm_params: { model: hosted_vllm/mock-free, api_base: {{mock}}, api_key: {{Secret}}, input_cost_per_token: 1.5e-7, output_cost_per_token: 0.0000006 }
          - model_name: unpriced
            litellm_params: { model: hosted_vllm/mock-free, api_base: {{mock}}, api_key: {{Secret}} }
          - model_name: bedrock
            litellm_params: { model: bedrock/anthropic.claude-3 }
          - model_name: "*"
            litellm_params: { model: "openai/*" }
          - litellm_params: { model: nameless }
          - model_name: other-price
            litellm_params: { model: hosted_vllm/mock-dear, api_base: {{mock}}, api_key: {{Secret}}, input_cost_per_token: 1, output_cost_per_token: 1 }
        router_settings:
          model_group_alias: { alias: free }
        litellm_settings:
          fallbacks:
            - mini: [free, other-price]
          cache: true
        general_settings:
          master_key: sk-1234
        guardrails: []
        """;

    private static async Task<JsonElement> ImportAsync(CrewServer server, params string[] arguments)
    {
        var command = await server.CommandAsync(["import", "litellm", "--data", server.DataFolder, "--json", .. arguments]);
        command.ExitCode.ShouldBe(0, command.Error);
        using var document = JsonDocument.Parse(command.Output);
        return document.RootElement.Clone();
    }

    private static IEnumerable<string?> Texts(JsonElement report, string field) => report.GetProperty(field).EnumerateArray().Select(t => t.GetString());

    private static async Task<HttpStatusCode> CallAsync(HttpClient client, string model)
    {
        using var content = new StringContent($$"""{"model":"{{model}}","messages":[{"role":"user","content":"hi"}]}""", Encoding.UTF8, "application/json");
        using var answer = await client.PostAsync(new Uri("/v1/chat/completions", UriKind.Relative), content);
        return answer.StatusCode;
    }
}
