using System.Net;
using System.Text;
using System.Text.Json;
using Anthropic;
using Anthropic.Exceptions;
using Anthropic.Models.Messages;
using Crew.Testing;
using Shouldly;
using Xunit;

namespace Crew.Clients.Tests;

/// <summary>The Anthropic package for .NET before every kind of provider.</summary>
internal sealed class AnthropicMatrix(ClientStage stage)
{
    public const string Client = "Anthropic for .NET";

    private const string Tools = ""","tools":[{"name":"get_weather","input_schema":""" + MatrixCase.Schema + "}]";

    private static CancellationToken Now => TestContext.Current.CancellationToken;

    public IReadOnlyDictionary<string, Func<string, Task>> Cases => new Dictionary<string, Func<string, Task>>
    {
        [MatrixCase.Plain] = PlainAsync,
        [MatrixCase.Stream] = StreamAsync,
        [MatrixCase.Tools] = ToolsAsync,
        [MatrixCase.ParallelTools] = ParallelToolsAsync,
        [MatrixCase.Images] = ImagesAsync,
        [MatrixCase.Errors] = ErrorsAsync,
        [MatrixCase.MidStreamError] = MidStreamErrorAsync,
        [MatrixCase.Retries] = RetriesAsync,
        [MatrixCase.Cancel] = CancelAsync,
        [MatrixCase.Idle] = IdleAsync,
        [MatrixCase.Budget] = BudgetAsync,
    };

    private async Task PlainAsync(string kind)
    {
        using var connection = await ConnectAsync(kind);
        var said = stage.Behave(kind, "[[tokens=3]]", new MockBehavior { Text = "Good morning.", CompletionTokens = 3 });
        var answer = await connection.Client.Messages.Create(Ask(kind, said), Now);
        answer.Content[0].TryPickText(out var text).ShouldBeTrue();
        text!.Text.Length.ShouldBeGreaterThan(5);
        answer.Usage.OutputTokens.ShouldBe(3);
    }

    private async Task StreamAsync(string kind)
    {
        using var connection = await ConnectAsync(kind);
        var said = stage.Behave(kind, "[[tokens=4]]", new MockBehavior { Text = "one two three four", CompletionTokens = 4 });
        var (text, ended) = (new StringBuilder(), false);
        await foreach (var one in connection.Client.Messages.CreateStreaming(Ask(kind, said), Now))
        {
            ended |= one.TryPickStop(out _);
            text.Append(TextOf(one));
        }

        text.ToString().Split(' ').Length.ShouldBe(4);
        ended.ShouldBeTrue();
    }

    private async Task ToolsAsync(string kind)
    {
        using var connection = await ConnectAsync(kind);
        var said = stage.Behave(kind, """[[tool=get_weather{"place":"Oslo"}]]""",
            new MockBehavior { ToolCalls = [MatrixCase.Oslo] }, new MockBehavior { Text = "It rains." });
        var asked = await connection.Client.Messages.Create(Ask(kind, said, Tools), Now);
        asked.Content[^1].TryPickToolUse(out var call).ShouldBeTrue();
        call!.Input["place"].GetString().ShouldBe("Oslo");
        var answered = await connection.Client.Messages.Create(Request($$"""
            {"model":"{{ClientStage.Models[kind]}}","max_tokens":50,"messages":[{"role":"user","content":{{JsonSerializer.Serialize(said)}} },
            {"role":"assistant","content":[{"type":"tool_use","id":"{{call.ID}}","name":"get_weather","input":{"place":"Oslo"} }]},
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"{{call.ID}}","content":"rain"},{"type":"text","text":"So?"}]}]{{Tools}} }
            """), Now);
        answered.Content[0].TryPickText(out _).ShouldBeTrue();
    }

    private async Task ParallelToolsAsync(string kind)
    {
        using var connection = await ConnectAsync(kind);
        var said = stage.Behave(kind, MatrixCase.OsloRome, new MockBehavior { ToolCalls = [MatrixCase.Oslo, MatrixCase.Rome] });
        var arguments = new SortedDictionary<long, string>();
        await foreach (var one in connection.Client.Messages.CreateStreaming(Ask(kind, said, Tools), Now))
        {
            if (one.TryPickContentBlockDelta(out var delta) && delta!.Delta.TryPickInputJson(out var json))
            {
                arguments[delta.Index] = arguments.GetValueOrDefault(delta.Index, "") + json!.PartialJson;
            }
        }

        arguments.Values.ShouldBe([MatrixCase.Oslo.Arguments, MatrixCase.Rome.Arguments]);
    }

    private async Task ImagesAsync(string kind)
    {
        using var connection = await ConnectAsync(kind);
        stage.Behave(kind, "", new MockBehavior { Text = "A pixel." });
        var answer = await connection.Client.Messages.Create(Request($$"""
            {"model":"{{ClientStage.Models[kind]}}","max_tokens":50,"messages":[{"role":"user","content":[{"type":"text","text":"What is it?"},
            {"type":"image","source":{"type":"base64","media_type":"image/png","data":"{{MatrixCase.Pixel}}"} }]}]}
            """), Now);
        answer.Content.Count.ShouldBe(1);
    }

    private async Task ErrorsAsync(string kind)
    {
        using var stranger = await ConnectAsync(kind, "crew_sk_live_thisisnokey");
        await Should.ThrowAsync<AnthropicUnauthorizedException>(() => stranger.Client.Messages.Create(Ask(kind, "a"), Now));
        using var connection = await ConnectAsync(kind);
        var said = stage.Behave(kind, "[[error=400]]", MockBehavior.Fails(400));
        var refusal = await Should.ThrowAsync<AnthropicBadRequestException>(() => connection.Client.Messages.Create(Ask(kind, said), Now));
        refusal.ResponseBody.ShouldContain("\"type\":\"error\"");
    }

    private async Task MidStreamErrorAsync(string kind)
    {
        using var connection = await ConnectAsync(kind);
        var said = stage.Behave(kind, "[[tokens=20 error=500 after=3]]", new MockBehavior { CompletionTokens = 20, CutAfterChunks = 3 });
        var words = 0;
        await Should.ThrowAsync<AnthropicException>(async () =>
        {
            await foreach (var one in connection.Client.Messages.CreateStreaming(Ask(kind, said), Now))
            {
                words += TextOf(one).Length > 0 ? 1 : 0;
            }
        });
        words.ShouldBe(3);
    }

    private async Task RetriesAsync(string kind)
    {
        using var connection = await ConnectAsync(kind, retries: 1);
        var said = stage.Behave(kind, "[[error=529]]", MockBehavior.Fails(529), new MockBehavior { Text = "second time lucky" });
        if (kind == "sandbox")
        {
            await Should.ThrowAsync<AnthropicApiException>(() => connection.Client.Messages.Create(Ask(kind, said), Now));
        }
        else
        {
            await connection.Client.Messages.Create(Ask(kind, said), Now);
        }

        connection.Sent.ShouldBe(2);
    }

    private async Task CancelAsync(string kind)
    {
        using var connection = await ConnectAsync(kind);
        var said = stage.Behave(kind, "[[tokens=400 delay_ms=25]]",
            new MockBehavior { CompletionTokens = 400, ChunksPerSecond = 40, StopsBillingOnDisconnect = true });
        using var leaving = CancellationTokenSource.CreateLinkedTokenSource(Now);
        var words = 0;
        (await Record.ExceptionAsync(async () =>
        {
            await foreach (var one in connection.Client.Messages.CreateStreaming(Ask(kind, said), leaving.Token))
            {
                words += TextOf(one).Length > 0 ? 1 : 0;
                if (words == 3)
                {
                    await leaving.CancelAsync();
                }
            }
        })).ShouldNotBeNull();
        words.ShouldBeLessThan(100);
        await stage.ShouldBeLeftAsync(kind);
    }

    private async Task IdleAsync(string kind)
    {
        using var connection = await ConnectAsync(kind);
        var said = stage.Behave(kind, MatrixCase.Silent, MatrixCase.Silence);
        var text = new StringBuilder();
        await foreach (var one in connection.Client.Messages.CreateStreaming(Ask(kind, said), Now))
        {
            text.Append(TextOf(one));
        }

        text.ToString().Split(' ').Length.ShouldBe(2);
        ClientStage.ShouldHavePinged(connection.Watch);
    }

    private async Task BudgetAsync(string kind)
    {
        using var connection = await ConnectAsync(kind, stage.CappedKey, retries: 5);
        var refusal = await Should.ThrowAsync<AnthropicApiException>(() => connection.Client.Messages.Create(Ask(kind, "a"), Now));
        refusal.StatusCode.ShouldBe(HttpStatusCode.PaymentRequired);
        refusal.ResponseBody.ShouldContain("billing_error");
        connection.Sent.ShouldBe(1);
    }

    private static string TextOf(RawMessageStreamEvent one) =>
        one.TryPickContentBlockDelta(out var delta) && delta!.Delta.TryPickText(out var text) ? text!.Text : "";

    private static MessageCreateParams Ask(string kind, string said, string more = "") => Request(
        $$"""{"model":"{{ClientStage.Models[kind]}}","max_tokens":500,"messages":[{"role":"user","content":{{JsonSerializer.Serialize(said)}} }]{{more}} }""");

    private static MessageCreateParams Request(string json)
    {
        using var body = JsonDocument.Parse(json);
        var members = body.RootElement.EnumerateObject().ToDictionary(member => member.Name, member => member.Value.Clone());
        var none = new Dictionary<string, JsonElement>();
        return MessageCreateParams.FromRawUnchecked(none, none, members);
    }

    private async Task<Connection> ConnectAsync(string kind, string? key = null, int retries = 0)
    {
        await stage.ResetAsync();
        return new Connection(stage.Server.Address, key ?? stage.Key, retries);
    }

    /// <summary>A client as the package's documentation makes it, that also counts what it sends.</summary>
    private sealed class Connection : IDisposable
    {
        private readonly WireWatch _counter = new();

        public Connection(Uri address, string key, int retries) => Client = new AnthropicClient
        {
            BaseUrl = address.ToString().TrimEnd('/'),
            ApiKey = key,
            MaxRetries = retries,
            HttpClient = new HttpClient(_counter),
        };

        public AnthropicClient Client { get; }

        public int Sent => _counter.Sent;

        public WireWatch Watch => _counter;

        public void Dispose()
        {
            Client.Dispose();
            _counter.Dispose();
        }
    }
}
