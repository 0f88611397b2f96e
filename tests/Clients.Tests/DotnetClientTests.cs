using System.ClientModel;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Crew.Testing;
using OpenAI.Chat;
using Shouldly;
using Xunit;

namespace Crew.Clients.Tests;

/// <summary>The OpenAI package for .NET, unmodified, with nothing but its endpoint set.</summary>
public sealed class DotnetClientTests(ClientStage stage)
{
    private static readonly ChatMessage[] Hello = [new UserChatMessage("Say something.")];

    private static readonly ChatTool Weather = ChatTool.CreateFunctionTool("get_weather", "The weather of a place.",
        BinaryData.FromString("""{"type":"object","properties":{"place":{"type":"string"}},"required":["place"]}"""));

    private static readonly ChatTool Clock = ChatTool.CreateFunctionTool("get_time");

    private static readonly MockToolCall[] Calls = [new("get_weather", """{"place":"Oslo"}"""), new("get_time", """{"zone":"UTC"}""")];

    private static CancellationToken Now => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_plain_completion_arrives_whole_with_its_usage()
    {
        var (chat, _) = await stage.ChatAsync();
        stage.Mock.Next(new MockBehavior { Text = "Good morning.", PromptTokens = 11, CompletionTokens = 3 });
        var answer = await chat.CompleteChatAsync(Hello, Capped(50), Now);

        answer.Value.Content[0].Text.ShouldBe("Good morning.");
        answer.Value.FinishReason.ShouldBe(ChatFinishReason.Stop);
        (answer.Value.Usage.InputTokenCount, answer.Value.Usage.OutputTokenCount).ShouldBe((11, 3));
        answer.GetRawResponse().Headers.TryGetValue("x-request-id", out var id).ShouldBeTrue();
        id.ShouldStartWith("req_");
        stage.Mock.Books.Bills.ShouldHaveSingleItem().Cap.ShouldBe(50);
    }

    [Fact]
    public async Task The_provider_sees_its_own_credential_and_never_the_clients_key()
    {
        var (chat, _) = await stage.ChatAsync();
        await chat.CompleteChatAsync(Hello, Capped(50), Now);
        var record = stage.Mock.Books.Records.ShouldHaveSingleItem();
        record.Headers["Authorization"].ShouldBe("Bearer mock-provider-credential");
        record.Headers.Values.ShouldAllBe(value => !value.Contains(stage.Key));
        Encoding.UTF8.GetString(record.Body).ShouldNotContain(stage.Key);
    }

    [Fact]
    public async Task A_stream_brings_its_words_in_order_and_its_usage_once()
    {
        // This client always asks for usage.
        var (chat, _) = await stage.ChatAsync();
        stage.Mock.Next(new MockBehavior { Text = "one two three four", PromptTokens = 9, CompletionTokens = 4 });
        var (text, counted) = (new StringBuilder(), new List<ChatTokenUsage>());
        await foreach (var update in chat.CompleteChatStreamingAsync(Hello, Capped(50), Now))
        {
            update.ContentUpdate.ToList().ForEach(part => text.Append(part.Text));
            if (update.Usage is { } usage)
            {
                counted.Add(usage);
            }
        }

        text.ToString().ShouldBe("one two three four");
        counted.ShouldHaveSingleItem().OutputTokenCount.ShouldBe(4);
    }

    [Fact]
    public async Task A_stream_of_5000_chunks_arrives_complete()
    {
        var (chat, _) = await stage.ChatAsync();
        stage.Mock.Next(new MockBehavior { CompletionTokens = 5000 });
        var words = 0;
        await foreach (var update in chat.CompleteChatStreamingAsync(Hello, Capped(8000), Now))
        {
            words += update.ContentUpdate.Count(part => part.Text == "tok ");
        }

        words.ShouldBe(5000);
    }

    [Fact]
    public async Task Tool_calls_come_back_in_order_and_their_results_can_be_handed_in()
    {
        var (chat, _) = await stage.ChatAsync();
        stage.Mock.Next(new MockBehavior { ToolCalls = Calls }, new MockBehavior { Text = "It rains in Oslo." });
        var asked = (await chat.CompleteChatAsync(Hello, WithTools(), Now)).Value;
        asked.FinishReason.ShouldBe(ChatFinishReason.ToolCalls);
        asked.ToolCalls.Select(call => call.FunctionName).ShouldBe(["get_weather", "get_time"]);
        JsonDocument.Parse(asked.ToolCalls[0].FunctionArguments).RootElement.GetProperty("place").GetString().ShouldBe("Oslo");

        ChatMessage[] results = [.. asked.ToolCalls.Select(call => new ToolChatMessage(call.Id, "rain"))];
        var answered = await chat.CompleteChatAsync([.. Hello, new AssistantChatMessage(asked), .. results], WithTools(), Now);
        answered.Value.Content[0].Text.ShouldBe("It rains in Oslo.");
    }

    [Fact]
    public async Task Streamed_parallel_tool_calls_are_assembled_from_their_pieces()
    {
        var (chat, _) = await stage.ChatAsync();
        stage.Mock.Next(new MockBehavior { ToolCalls = Calls });
        var (names, arguments) = (new SortedDictionary<int, string>(), new SortedDictionary<int, string>());
        await foreach (var update in chat.CompleteChatStreamingAsync(Hello, WithTools(), Now))
        {
            foreach (var call in update.ToolCallUpdates)
            {
                names[call.Index] = names.GetValueOrDefault(call.Index, "") + call.FunctionName;
                arguments[call.Index] = arguments.GetValueOrDefault(call.Index, "") + call.FunctionArgumentsUpdate;
            }
        }

        names.Values.ShouldBe(["get_weather", "get_time"]);
        arguments.Values.ShouldBe(Calls.Select(call => call.Arguments));
    }

    [Fact]
    public async Task An_invalid_key_is_401_and_an_unknown_model_404()
    {
        var (stranger, sent) = await stage.ChatAsync(key: "crew_sk_live_thisisnokey");
        await RefusedAsync(stranger, 401, "invalid_api_key");
        sent.Value.ShouldBe(1);
        var (lost, _) = await stage.ChatAsync(model: "no-such-model");
        await RefusedAsync(lost, 404, "model_not_found");
        stage.Mock.Books.Received.ShouldBe(0);
    }

    [Fact]
    public async Task A_spent_budget_is_402_and_never_retried()
    {
        var (chat, sent) = await stage.ChatAsync(key: stage.CappedKey, retries: 5);
        await RefusedAsync(chat, 402, "insufficient_quota");
        sent.Value.ShouldBe(1);
        stage.Mock.Books.Received.ShouldBe(0);
    }

    [Theory]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(503)]
    public async Task A_failure_of_the_provider_is_retried_by_the_client_and_only_the_answer_is_billed(int status)
    {
        var (chat, sent) = await stage.ChatAsync();
        stage.Mock.Next(MockBehavior.Fails(status), new MockBehavior { Text = "second time lucky", CompletionTokens = 4 });
        var answer = await chat.CompleteChatAsync(Hello, Capped(50), Now);
        answer.Value.Content[0].Text.ShouldBe("second time lucky");
        sent.Value.ShouldBe(2);
        stage.Mock.Books.Bills.Select(bill => bill.CompletionTokens).ShouldBe([0, 4]);
    }

    [Fact]
    public async Task A_cancelled_stream_ends_at_the_provider_too()
    {
        var (chat, _) = await stage.ChatAsync();
        var gate = new MockGate();
        stage.Mock.Next(new MockBehavior
        {
            CompletionTokens = 100,
            ChunksPerSecond = 1000,
            Gate = gate,
            GateAfterChunks = 5,
            StopsBillingOnDisconnect = true,
        });
        using var leaving = CancellationTokenSource.CreateLinkedTokenSource(Now);
        var words = 0;
        await Should.ThrowAsync<OperationCanceledException>(async () =>
        {
            await foreach (var update in chat.CompleteChatStreamingAsync(Hello, Capped(200), leaving.Token))
            {
                words += update.ContentUpdate.Count(part => part.Text.Length > 0);
                if (words == 5)
                {
                    await leaving.CancelAsync();
                }
            }
        });

        var left = Stopwatch.GetTimestamp();
        await stage.Mock.Books.QuietAsync(TimeSpan.FromSeconds(5));
        Stopwatch.GetElapsedTime(left).ShouldBeLessThan(TimeSpan.FromSeconds(5));
        var bill = stage.Mock.Books.Bills.ShouldHaveSingleItem();
        bill.Disconnected.ShouldBeTrue();
        bill.CompletionTokens.ShouldBe(5);
    }

    [Fact]
    public async Task The_catalogue_can_be_listed_and_looked_up()
    {
        var models = (await stage.Catalogue().GetModelsAsync(Now)).Value;
        models.ShouldContain(model => model.Id == ClientStage.Model);
        (await stage.Catalogue().GetModelAsync(ClientStage.Model, Now)).Value.Id.ShouldBe(ClientStage.Model);
    }

    private static ChatCompletionOptions Capped(int tokens) => new() { MaxOutputTokenCount = tokens };

    private static ChatCompletionOptions WithTools() => new() { MaxOutputTokenCount = 50, Tools = { Weather, Clock } };

    private static async Task RefusedAsync(ChatClient chat, int status, string code)
    {
        var refusal = await Should.ThrowAsync<ClientResultException>(() => chat.CompleteChatAsync(Hello, Capped(50), Now));
        refusal.Status.ShouldBe(status);
        using var body = JsonDocument.Parse(refusal.GetRawResponse()!.Content);
        var error = body.RootElement.GetProperty("error");
        new[] { error.GetProperty("code").GetString(), error.GetProperty("type").GetString() }.ShouldContain(code);
    }
}
