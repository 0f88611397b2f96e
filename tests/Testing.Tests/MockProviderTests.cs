using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Shouldly;
using Xunit;

namespace Crew.Testing.Tests;

public sealed class MockProviderTests
{
    private static readonly HttpClient Http = new();

    private static CancellationToken Now => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_bill_equals_the_usage_that_the_answer_names()
    {
        await using var mock = await MockProvider.StartAsync();
        mock.Default = new MockBehavior { PromptTokens = 1000, CachedTokens = 400, CompletionTokens = 50 };

        using var answer = JsonDocument.Parse(await Text(mock, """{"model":"m","max_tokens":20,"n":2,"messages":[]}"""));
        var usage = answer.RootElement.GetProperty("usage");
        usage.GetProperty("completion_tokens").GetInt64().ShouldBe(40);
        answer.RootElement.GetProperty("choices").GetArrayLength().ShouldBe(2);
        answer.RootElement.GetProperty("choices")[0].GetProperty("finish_reason").GetString().ShouldBe("length");

        var bill = mock.Books.Bills.ShouldHaveSingleItem();
        bill.Cap.ShouldBe(20);
        bill.NanoUsd.ShouldBe((600 * 150) + (400 * 75) + (40 * 600));
        mock.Books.TotalNanoUsd.ShouldBe(bill.NanoUsd);
    }

    [Fact]
    public async Task A_stream_carries_usage_only_when_asked()
    {
        await using var mock = await MockProvider.StartAsync();
        var plain = await Text(mock, """{"model":"m","stream":true}""");
        plain.ShouldEndWith("data: [DONE]\n\n");
        plain.ShouldNotContain("usage");

        var counted = await Text(mock, """{"model":"m","stream":true,"stream_options":{"include_usage":true}}""");
        counted.ShouldContain("\"choices\":[],\"usage\":{");
        counted.Split("\n\n").Length.ShouldBe(1 + 16 + 1 + 1 + 1 + 1);
    }

    [Fact]
    public async Task A_request_is_kept_byte_for_byte()
    {
        await using var mock = await MockProvider.StartAsync();
        const string Body = "{ \"model\" : \"m\",\t\"x\":[1,2.50e3, \"\\u00e9é\"] }";
        await Text(mock, Body);
        var record = mock.Books.Records.ShouldHaveSingleItem();
        Encoding.UTF8.GetString(record.Body).ShouldBe(Body);
        record.Headers["content-type"].ShouldBe("application/json");
    }

    [Fact]
    public async Task Scripted_answers_come_in_order_and_then_the_default()
    {
        await using var mock = await MockProvider.StartAsync();
        mock.Next(MockBehavior.Fails(429), MockBehavior.Fails(500), new MockBehavior { Shape = MockShape.Html, Status = 503 });
        var statuses = new List<HttpStatusCode>();
        for (var request = 0; request < 4; request++)
        {
            using var answer = await Post(mock, """{"model":"m"}""");
            statuses.Add(answer.StatusCode);
        }

        statuses.Select(status => (int)status).ShouldBe([429, 500, 503, 200]);
        mock.Books.Bills.Count(bill => bill.NanoUsd > 0).ShouldBe(1);
    }

    [Fact]
    public async Task A_client_that_leaves_pays_what_was_spoken_or_everything()
    {
        await using var mock = await MockProvider.StartAsync();
        foreach (var stops in new[] { true, false })
        {
            var gate = new MockGate();
            mock.Next(new MockBehavior { CompletionTokens = 100, Gate = gate, GateAfterChunks = 10, StopsBillingOnDisconnect = stops });
            using (var leaving = new CancellationTokenSource())
            {
                using var answer = await Send(mock, """{"model":"m","stream":true}""", leaving.Token);
                await gate.ReachedAsync(1, TimeSpan.FromSeconds(5));
                await leaving.CancelAsync();
            }

            await mock.Books.QuietAsync(TimeSpan.FromSeconds(5));
        }

        mock.Books.Bills.ShouldAllBe(bill => bill.Disconnected);
        mock.Books.Bills.Select(bill => bill.CompletionTokens).ShouldBe([10, 100]);
    }

    [Fact]
    public async Task A_cut_stream_ends_without_an_ending()
    {
        await using var mock = await MockProvider.StartAsync();
        mock.Next(new MockBehavior { CutAfterChunks = 3 });
        await Should.ThrowAsync<HttpRequestException>(() => Text(mock, """{"model":"m","stream":true}"""));
        await mock.Books.QuietAsync(TimeSpan.FromSeconds(5));
        mock.Books.Bills.Single().CompletionTokens.ShouldBe(3);
    }

    [Fact]
    public async Task Another_process_can_script_it()
    {
        await using var mock = await MockProvider.StartAsync();
        var script = new StringContent("""{"next":[{"status":503}],"models":{"named":{"completion_tokens":3,"usage":"zero"}}}""");
        (await Http.PostAsync(new Uri(mock.BaseUrl, "/control/script"), script, Now)).StatusCode.ShouldBe(HttpStatusCode.NoContent);

        using var failed = await Post(mock, """{"model":"named"}""");
        failed.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        (await Text(mock, """{"model":"named"}""")).ShouldContain("\"total_tokens\":0");
        var books = await Http.GetFromJsonAsync<JsonElement>(new Uri(mock.BaseUrl, "/control/books"), Now);
        books.GetProperty("completion_tokens").GetInt64().ShouldBe(3);
        using var models = JsonDocument.Parse(await Http.GetStringAsync(new Uri($"{mock.BaseUrl}/models"), Now));
        models.RootElement.GetProperty("data")[0].GetProperty("id").GetString().ShouldBe("named");
    }

    private static async Task<string> Text(MockProvider mock, string body)
    {
        using var answer = await Post(mock, body);
        return await answer.Content.ReadAsStringAsync(Now);
    }

    private static Task<HttpResponseMessage> Post(MockProvider mock, string body) => Send(mock, body, Now);

    private static Task<HttpResponseMessage> Send(MockProvider mock, string body, CancellationToken cancellation)
    {
        var content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)) { Headers = { ContentType = new("application/json") } };
        var request = new HttpRequestMessage(HttpMethod.Post, $"{mock.BaseUrl}/chat/completions") { Content = content };
        return Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
    }
}
