using System.ClientModel;
using System.Text;
using System.Text.Json;
using Crew.Testing;
using OpenAI.Responses;
using Shouldly;
using Xunit;

namespace Crew.Clients.Tests;

/// <summary>The responses of the OpenAI package for .NET before every kind of provider, most of which have only chats or messages.</summary>
internal sealed class ResponsesMatrix(ClientStage stage)
{
    public const string Client = "OpenAI for .NET, responses";

    private static readonly ResponseTool Weather = ResponseTool.CreateFunctionTool("get_weather", BinaryData.FromString(MatrixCase.Schema), false, "The weather of a place.");

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
        var (client, _) = await ConnectAsync();
        var said = stage.Behave(kind, "[[tokens=3]]", new MockBehavior { Text = "Good morning.", CompletionTokens = 3 });
        var answer = (await client.CreateResponseAsync(Ask(kind, said), Now)).Value;
        answer.Status.ShouldBe(ResponseStatus.Completed);
        answer.GetOutputText().Length.ShouldBeGreaterThan(5);
        answer.Usage.OutputTokenCount.ShouldBe(3);
    }

    private async Task StreamAsync(string kind)
    {
        var (client, _) = await ConnectAsync();
        var said = stage.Behave(kind, "[[tokens=4]]", new MockBehavior { Text = "one two three four", CompletionTokens = 4 });
        var (text, output) = (new StringBuilder(), 0);
        await foreach (var update in await client.CreateResponseStreamingAsync(Ask(kind, said, isStream: true), Now))
        {
            text.Append((update as StreamingResponseOutputTextDeltaUpdate)?.Delta);
            output = (update as StreamingResponseCompletedUpdate)?.Response.Usage.OutputTokenCount ?? output;
        }

        text.ToString().Split(' ').Length.ShouldBe(4);
        output.ShouldBe(4);
    }

    private async Task ToolsAsync(string kind)
    {
        var (client, _) = await ConnectAsync();
        var said = stage.Behave(kind, """[[tool=get_weather{"place":"Oslo"}]]""",
            new MockBehavior { ToolCalls = [MatrixCase.Oslo] }, new MockBehavior { Text = "It rains." });
        var asked = (await client.CreateResponseAsync(WithTools(Ask(kind, said)), Now)).Value;
        var call = asked.OutputItems.OfType<FunctionCallResponseItem>().Single();
        call.FunctionArguments.ToString().ShouldBe(MatrixCase.Oslo.Arguments);
        var again = WithTools(Ask(kind, said));
        asked.OutputItems.ToList().ForEach(again.InputItems.Add);
        again.InputItems.Add(ResponseItem.CreateFunctionCallOutputItem(call.CallId, "rain"));
        again.InputItems.Add(ResponseItem.CreateUserMessageItem("So?"));
        (await client.CreateResponseAsync(again, Now)).Value.Status.ShouldBe(ResponseStatus.Completed);
    }

    private async Task ParallelToolsAsync(string kind)
    {
        var (client, _) = await ConnectAsync();
        var said = stage.Behave(kind, MatrixCase.OsloRome, new MockBehavior { ToolCalls = [MatrixCase.Oslo, MatrixCase.Rome] });
        ResponseResult? whole = null;
        await foreach (var update in await client.CreateResponseStreamingAsync(WithTools(Ask(kind, said, isStream: true)), Now))
        {
            whole = (update as StreamingResponseCompletedUpdate)?.Response ?? whole;
        }

        whole!.OutputItems.OfType<FunctionCallResponseItem>().Select(call => call.FunctionArguments.ToString())
            .ShouldBe([MatrixCase.Oslo.Arguments, MatrixCase.Rome.Arguments]);
    }

    private async Task ImagesAsync(string kind)
    {
        var (client, _) = await ConnectAsync();
        stage.Behave(kind, "", new MockBehavior { Text = "A pixel." });
        var picture = ResponseContentPart.CreateInputImagePart(new Uri($"data:image/png;base64,{MatrixCase.Pixel}"), null);
        var options = new CreateResponseOptions(ClientStage.Models[kind],
            [ResponseItem.CreateUserMessageItem([ResponseContentPart.CreateInputTextPart("What is it?"), picture])]) { MaxOutputTokenCount = 500 };
        (await client.CreateResponseAsync(options, Now)).Value.Status.ShouldBe(ResponseStatus.Completed);
    }

    private async Task ErrorsAsync(string kind)
    {
        var (stranger, _) = await ConnectAsync("crew_sk_live_thisisnokey");
        (await RefusedAsync(stranger, kind, "a")).Status.ShouldBe(401);
        var (client, _) = await ConnectAsync();
        (await RefusedAsync(client, kind, stage.Behave(kind, "[[error=400]]", MockBehavior.Fails(400)))).Status.ShouldBe(400);
    }

    private async Task MidStreamErrorAsync(string kind)
    {
        var (client, _) = await ConnectAsync();
        var said = stage.Behave(kind, "[[tokens=20 error=500 after=3]]", new MockBehavior { CompletionTokens = 20, CutAfterChunks = 3 });
        var (words, isTold) = (0, false);
        await foreach (var update in await client.CreateResponseStreamingAsync(Ask(kind, said, isStream: true), Now))
        {
            words += update is StreamingResponseOutputTextDeltaUpdate ? 1 : 0;
            isTold |= update is StreamingResponseErrorUpdate or StreamingResponseFailedUpdate;
            (update is StreamingResponseCompletedUpdate).ShouldBeFalse("a broken stream must not look finished");
        }

        (words, isTold).ShouldBe((3, true));
    }

    private async Task RetriesAsync(string kind)
    {
        var (client, sent) = await ConnectAsync(retries: 1);
        var said = stage.Behave(kind, "[[error=500]]", MockBehavior.Fails(500), new MockBehavior { Text = "second time lucky" });
        if (kind == "sandbox")
        {
            (await RefusedAsync(client, kind, said)).Status.ShouldBe(500);
        }
        else
        {
            await client.CreateResponseAsync(Ask(kind, said), Now);
        }

        sent.Value.ShouldBe(2);
    }

    private async Task CancelAsync(string kind)
    {
        var (client, _) = await ConnectAsync();
        var said = stage.Behave(kind, "[[tokens=400 delay_ms=25]]",
            new MockBehavior { CompletionTokens = 400, ChunksPerSecond = 40, StopsBillingOnDisconnect = true });
        using var leaving = CancellationTokenSource.CreateLinkedTokenSource(Now);
        var words = 0;
        await Should.ThrowAsync<OperationCanceledException>(async () =>
        {
            await foreach (var update in await client.CreateResponseStreamingAsync(Ask(kind, said, isStream: true), leaving.Token))
            {
                words += update is StreamingResponseOutputTextDeltaUpdate ? 1 : 0;
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
        var (client, sent) = await ConnectAsync();
        var said = stage.Behave(kind, MatrixCase.Silent, MatrixCase.Silence);
        var text = new StringBuilder();
        await foreach (var update in await client.CreateResponseStreamingAsync(Ask(kind, said, isStream: true), Now))
        {
            text.Append((update as StreamingResponseOutputTextDeltaUpdate)?.Delta);
        }

        text.ToString().Split(' ').Length.ShouldBe(2);
        ClientStage.ShouldHavePinged(sent.Watch);
    }

    private async Task BudgetAsync(string kind)
    {
        var (client, sent) = await ConnectAsync(stage.CappedKey, retries: 5);
        var refusal = await RefusedAsync(client, kind, "a");
        refusal.Status.ShouldBe(402);
        using var body = JsonDocument.Parse(refusal.GetRawResponse()!.Content);
        body.RootElement.GetProperty("error").GetProperty("code").GetString().ShouldBe("insufficient_quota");
        sent.Value.ShouldBe(1);
    }

    private static CreateResponseOptions Ask(string kind, string said, bool isStream = false) =>
        new(ClientStage.Models[kind], [ResponseItem.CreateUserMessageItem(said)]) { MaxOutputTokenCount = 500, StreamingEnabled = isStream };

    private static CreateResponseOptions WithTools(CreateResponseOptions options)
    {
        options.Tools.Add(Weather);
        return options;
    }

    private static async Task<ClientResultException> RefusedAsync(ResponsesClient client, string kind, string said) =>
        await Should.ThrowAsync<ClientResultException>(() => client.CreateResponseAsync(Ask(kind, said), Now));

    private async Task<(ResponsesClient Client, SentCount Sent)> ConnectAsync(string? key = null, int retries = 0)
    {
        await stage.ResetAsync();
        var sent = new SentCount();
        var options = ClientStage.Prepare(new ResponsesClientOptions { Endpoint = stage.Server.OpenAiBaseUrl }, sent, retries);
        return (new ResponsesClient(new ApiKeyCredential(key ?? stage.Key), options), sent);
    }
}
