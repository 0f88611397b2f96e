using System.ClientModel;
using System.Text;
using System.Text.Json;
using Crew.Testing;
using OpenAI;
using OpenAI.Chat;
using OpenAI.Embeddings;
using Shouldly;
using Xunit;

namespace Crew.Clients.Tests;

/// <summary>The OpenAI package for .NET before every kind of provider.</summary>
internal sealed class OpenAiMatrix(ClientStage stage)
{
    public const string Client = "OpenAI for .NET";

    private static readonly ChatTool Weather = ChatTool.CreateFunctionTool("get_weather", "The weather of a place.", BinaryData.FromString(MatrixCase.Schema));

    private static CancellationToken Now => TestContext.Current.CancellationToken;

    public IReadOnlyDictionary<string, Func<string, Task>> Cases => new Dictionary<string, Func<string, Task>>
    {
        [MatrixCase.Plain] = PlainAsync,
        [MatrixCase.Stream] = StreamAsync,
        [MatrixCase.Tools] = ToolsAsync,
        [MatrixCase.ParallelTools] = ParallelToolsAsync,
        [MatrixCase.Images] = ImagesAsync,
        [MatrixCase.Embeddings] = EmbeddingsAsync,
        [MatrixCase.Errors] = ErrorsAsync,
        [MatrixCase.MidStreamError] = MidStreamErrorAsync,
        [MatrixCase.Retries] = RetriesAsync,
        [MatrixCase.Cancel] = CancelAsync,
        [MatrixCase.Idle] = IdleAsync,
        [MatrixCase.Budget] = BudgetAsync,
    };

    private static ChatCompletionOptions Capped(int tokens = 500) => new() { MaxOutputTokenCount = tokens };

    private static ChatCompletionOptions WithTools() => new() { MaxOutputTokenCount = 500, Tools = { Weather } };

    private async Task PlainAsync(string kind)
    {
        var (chat, _) = await ConnectAsync(kind);
        var said = stage.Behave(kind, "[[tokens=3]]", new MockBehavior { Text = "Good morning.", CompletionTokens = 3 });
        var answer = (await chat.CompleteChatAsync([new UserChatMessage(said)], Capped(), Now)).Value;
        answer.FinishReason.ShouldBe(ChatFinishReason.Stop);
        answer.Content[0].Text.Length.ShouldBeGreaterThan(5);
        answer.Usage.OutputTokenCount.ShouldBe(3);
    }

    private async Task StreamAsync(string kind)
    {
        var (chat, _) = await ConnectAsync(kind);
        var said = stage.Behave(kind, "[[tokens=4]]", new MockBehavior { Text = "one two three four", CompletionTokens = 4 });
        var (text, output) = (new StringBuilder(), 0);
        await foreach (var update in chat.CompleteChatStreamingAsync([new UserChatMessage(said)], Capped(), Now))
        {
            update.ContentUpdate.ToList().ForEach(part => text.Append(part.Text));
            output = update.Usage?.OutputTokenCount ?? output;
        }

        text.ToString().Split(' ').Length.ShouldBe(4);
        output.ShouldBe(4);
    }

    private async Task ToolsAsync(string kind)
    {
        var (chat, _) = await ConnectAsync(kind);
        var said = stage.Behave(kind, """[[tool=get_weather{"place":"Oslo"}]]""",
            new MockBehavior { ToolCalls = [MatrixCase.Oslo] }, new MockBehavior { Text = "It rains." });
        var asked = (await chat.CompleteChatAsync([new UserChatMessage(said)], WithTools(), Now)).Value;
        asked.FinishReason.ShouldBe(ChatFinishReason.ToolCalls);
        asked.ToolCalls[0].FunctionArguments.ToString().ShouldBe(MatrixCase.Oslo.Arguments);
        var answered = await chat.CompleteChatAsync([new UserChatMessage(said), new AssistantChatMessage(asked), new ToolChatMessage(asked.ToolCalls[0].Id, "rain"),
            new UserChatMessage("So?")], WithTools(), Now);
        answered.Value.FinishReason.ShouldBe(ChatFinishReason.Stop);
    }

    private async Task ParallelToolsAsync(string kind)
    {
        var (chat, _) = await ConnectAsync(kind);
        var said = stage.Behave(kind, MatrixCase.OsloRome, new MockBehavior { ToolCalls = [MatrixCase.Oslo, MatrixCase.Rome] });
        var arguments = new SortedDictionary<int, string>();
        await foreach (var update in chat.CompleteChatStreamingAsync([new UserChatMessage(said)], WithTools(), Now))
        {
            foreach (var call in update.ToolCallUpdates)
            {
                arguments[call.Index] = arguments.GetValueOrDefault(call.Index, "") + call.FunctionArgumentsUpdate;
            }
        }

        arguments.Values.ShouldBe([MatrixCase.Oslo.Arguments, MatrixCase.Rome.Arguments]);
    }

    private async Task ImagesAsync(string kind)
    {
        var (chat, _) = await ConnectAsync(kind);
        stage.Behave(kind, "", new MockBehavior { Text = "A pixel." });
        var picture = ChatMessageContentPart.CreateImagePart(BinaryData.FromBytes(Convert.FromBase64String(MatrixCase.Pixel)), "image/png");
        var answer = await chat.CompleteChatAsync([new UserChatMessage(ChatMessageContentPart.CreateTextPart("What is it?"), picture)], Capped(), Now);
        answer.Value.FinishReason.ShouldBe(ChatFinishReason.Stop);
    }

    private async Task EmbeddingsAsync(string kind)
    {
        await ConnectAsync(kind);
        var client = new EmbeddingClient(kind == "sandbox" ? "crew-sandbox-embed" : ClientStage.Models[kind], new ApiKeyCredential(stage.Key),
            new OpenAIClientOptions { Endpoint = stage.Server.OpenAiBaseUrl });
        var vectors = (await client.GenerateEmbeddingsAsync(["one", "two"], cancellationToken: Now)).Value;
        vectors.Count.ShouldBe(2);
        vectors[1].ToFloats().Length.ShouldBeGreaterThan(1);
    }

    private async Task ErrorsAsync(string kind)
    {
        var (stranger, _) = await ConnectAsync(kind, key: "crew_sk_live_thisisnokey");
        (await RefusedAsync(stranger, "a")).Status.ShouldBe(401);
        var (chat, _) = await ConnectAsync(kind);
        (await RefusedAsync(chat, stage.Behave(kind, "[[error=400]]", MockBehavior.Fails(400)))).Status.ShouldBe(400);
    }

    private async Task MidStreamErrorAsync(string kind)
    {
        var (chat, _) = await ConnectAsync(kind);
        var said = stage.Behave(kind, "[[tokens=20 error=500 after=3]]", new MockBehavior { CompletionTokens = 20, CutAfterChunks = 3 });
        var words = 0;
        var failure = await Record.ExceptionAsync(async () =>
        {
            await foreach (var update in chat.CompleteChatStreamingAsync([new UserChatMessage(said)], Capped(), Now))
            {
                words += update.ContentUpdate.Count(part => part.Text.Length > 0);
                update.FinishReason.ShouldBeNull("a broken stream must not look finished");
            }
        });

        // This package does not know errors inside a stream: it either throws on their form or ends without a finish reason.
        words.ShouldBe(3, failure?.Message);
    }

    private async Task RetriesAsync(string kind)
    {
        var (chat, sent) = await ConnectAsync(kind, retries: 1);
        var said = stage.Behave(kind, "[[error=500]]", MockBehavior.Fails(500), new MockBehavior { Text = "second time lucky" });
        if (kind == "sandbox")
        {
            (await RefusedAsync(chat, said)).Status.ShouldBe(500);
        }
        else
        {
            await chat.CompleteChatAsync([new UserChatMessage(said)], Capped(), Now);
        }

        sent.Value.ShouldBe(2);
    }

    private async Task CancelAsync(string kind)
    {
        var (chat, _) = await ConnectAsync(kind);
        var said = stage.Behave(kind, "[[tokens=400 delay_ms=25]]",
            new MockBehavior { CompletionTokens = 400, ChunksPerSecond = 40, StopsBillingOnDisconnect = true });
        using var leaving = CancellationTokenSource.CreateLinkedTokenSource(Now);
        var words = 0;
        await Should.ThrowAsync<OperationCanceledException>(async () =>
        {
            await foreach (var update in chat.CompleteChatStreamingAsync([new UserChatMessage(said)], Capped(), leaving.Token))
            {
                words += update.ContentUpdate.Count(part => part.Text.Length > 0);
                if (words == 3)
                {
                    await leaving.CancelAsync();
                }
            }
        });
        words.ShouldBeLessThan(100);
        await stage.ShouldBeLeftAsync(kind);
    }

    private async Task IdleAsync(string kind)
    {
        var (chat, sent) = await ConnectAsync(kind);
        var said = stage.Behave(kind, MatrixCase.Silent, MatrixCase.Silence);
        var text = new StringBuilder();
        await foreach (var update in chat.CompleteChatStreamingAsync([new UserChatMessage(said)], Capped(), Now))
        {
            update.ContentUpdate.ToList().ForEach(part => text.Append(part.Text));
        }

        text.ToString().Split(' ').Length.ShouldBe(2);
        ClientStage.ShouldHavePinged(sent.Watch);
    }

    private async Task BudgetAsync(string kind)
    {
        var (chat, sent) = await ConnectAsync(kind, stage.CappedKey, retries: 5);
        var refusal = await RefusedAsync(chat, "a");
        refusal.Status.ShouldBe(402);
        using var body = JsonDocument.Parse(refusal.GetRawResponse()!.Content);
        body.RootElement.GetProperty("error").GetProperty("code").GetString().ShouldBe("insufficient_quota");
        sent.Value.ShouldBe(1);
    }

    private static async Task<ClientResultException> RefusedAsync(ChatClient chat, string said) =>
        await Should.ThrowAsync<ClientResultException>(() => chat.CompleteChatAsync([new UserChatMessage(said)], Capped(50), Now));

    private Task<(ChatClient Chat, SentCount Sent)> ConnectAsync(string kind, string? key = null, int retries = 0) =>
        stage.ChatAsync(key, ClientStage.Models[kind], retries);
}
