using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Crew.Testing;

namespace Crew.Faults.Tests;

/// <summary>
/// Clients of a server that is about to die: answers in one piece and streams, some under a cap that runs out, and keys that are made,
/// rolled and revoked. Each request asks for another number of tokens, so that nearly every bill has an amount of its own.
/// </summary>
internal sealed partial class KillLoad(CrewServer server, Acknowledged acknowledged, string key, string tightKey)
{
    public const string Model = "m";
    public const string TightModel = "tight";
    private const int LeastTokens = 16;
    private const int MostTokens = 4_000;
    private const int JsonClients = 6;
    private const int StreamClients = 4;
    private const int PollMilliseconds = 10;
    private const int MostWaitMilliseconds = 90_000;
    private const int PauseMilliseconds = 20;
    private static int s_tokens;

    /// <summary>Speaks exactly as many tokens as the request allows.</summary>
    public static MockBehavior Speaks { get; } = new() { CompletionTokens = 1_000_000, Text = "ok", Chunks = 3, ChunksPerSecond = 300, LatencyMinMs = 1, LatencyMaxMs = 4 };

    public Acknowledged Told => acknowledged;

    /// <summary>Returns when so many more things were acknowledged.</summary>
    public async Task ToldMoreAsync(int count)
    {
        var wanted = acknowledged.Count + count;
        for (var waited = 0; acknowledged.Count < wanted; waited += PollMilliseconds)
        {
            waited.ShouldBeLessThan(MostWaitMilliseconds, "the server does not come back");
            await Task.Delay(PollMilliseconds);
        }
    }

    /// <summary>Runs until the server is gone or <paramref name="stop"/> trips.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        using var gone = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var work = Enumerable.Range(0, JsonClients).Select(_ => AskAsync(key, Model, gone))
            .Concat(Enumerable.Range(0, StreamClients).Select(_ => StreamAsync(key, gone)))
            .Append(AskAsync(tightKey, TightModel, gone))
            .Append(ChangeKeysAsync(gone));
        await Task.WhenAll(work.Select(one => Task.Run(() => one, CancellationToken.None)));
    }

    private static object Body(string model, bool stream) => new
    {
        model,
        stream,
        max_tokens = LeastTokens + (Interlocked.Increment(ref s_tokens) % (MostTokens - LeastTokens)),
        stream_options = stream ? new { include_usage = true } : null,
        messages = new[] { new { role = "user", content = "hello" } },
    };

    private async Task AskAsync(string by, string model, CancellationTokenSource gone)
    {
        using var client = NewClient(by);
        await RepeatAsync(gone, async stop =>
        {
            using var response = await client.PostAsJsonAsync("/v1/chat/completions", Body(model, stream: false), stop);
            var text = await response.Content.ReadAsStringAsync(stop);
            if (response.StatusCode == HttpStatusCode.OK)
            {
                acknowledged.Answers[RequestId(response)] = CostOf(text);
            }
            else
            {
                await Task.Delay(PauseMilliseconds, stop);
            }
        });
    }

    private async Task StreamAsync(string by, CancellationTokenSource gone)
    {
        using var client = NewClient(by);
        await RepeatAsync(gone, async stop =>
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions") { Content = JsonContent.Create(Body(Model, stream: true)) };
            using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, stop);
            if (response.StatusCode != HttpStatusCode.OK)
            {
                await Task.Delay(PauseMilliseconds, stop);
                return;
            }

            acknowledged.Begun.Add(RequestId(response));
            var text = await ReadAsync(response, stop);
            if (text.EndsWith("data: [DONE]\n\n", StringComparison.Ordinal))
            {
                acknowledged.Answers[RequestId(response)] = CostOf(text);
            }
        });
    }

    /// <summary>A key is made, rolled, and its successor revoked.</summary>
    private async Task ChangeKeysAsync(CancellationTokenSource gone)
    {
        using var client = NewClient(server.Installation.ApiKeys.Live);
        await RepeatAsync(gone, async stop =>
        {
            var made = await IdAsync(await client.PostAsJsonAsync("/v1/api-keys", new { name = "made", permissions = new[] { "models:read" }, mode = "live" }, stop), stop);
            acknowledged.MadeKeys.Add(made);
            var rolled = await IdAsync(await client.PostAsJsonAsync($"/v1/api-keys/{made}/roll", new { overlap_seconds = 60 }, stop), stop);
            acknowledged.RolledKeys.Add(made);
            _ = await IdAsync(await client.DeleteAsync(new Uri($"/v1/api-keys/{rolled}", UriKind.Relative), stop), stop);
            acknowledged.RevokedKeys.Add(rolled);
        });
    }

    private async Task RepeatAsync(CancellationTokenSource gone, Func<CancellationToken, Task> once)
    {
        while (!gone.IsCancellationRequested)
        {
            try
            {
                await once(gone.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception error) when (error is HttpRequestException or IOException)
            {
                // Not acknowledged. The first to see the server gone tells the others.
                if (!server.IsRunning)
                {
                    await gone.CancelAsync();
                    return;
                }

                await Task.Delay(PauseMilliseconds);
            }
        }
    }

    private static async Task<string> ReadAsync(HttpResponseMessage response, CancellationToken stop)
    {
        var text = new StringBuilder();
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(stop));
        var buffer = new char[4_096];
        for (var read = await reader.ReadAsync(buffer, stop); read > 0; read = await reader.ReadAsync(buffer, stop))
        {
            text.Append(buffer, 0, read);
        }

        return text.ToString();
    }

    private static async Task<string> IdAsync(HttpResponseMessage response, CancellationToken stop)
    {
        using (response)
        {
            var text = await response.Content.ReadAsStringAsync(stop);
            if (!response.IsSuccessStatusCode)
            {
                throw new HttpRequestException(text);
            }

            return JsonDocument.Parse(text).RootElement.GetProperty("data").GetProperty("id").GetString()!;
        }
    }

    private HttpClient NewClient(string by)
    {
        var client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseProxy = false }) { BaseAddress = server.Address };
        client.DefaultRequestHeaders.Authorization = new("Bearer", by);
        return client;
    }

    private static string RequestId(HttpResponseMessage response) => response.Headers.GetValues("X-Request-Id").Single();

    /// <summary>150 and 600 nano-USD a token: the prices of the mock, and of the models that stand for it.</summary>
    private static long CostOf(string answer) => (Count(Prompt(), answer) * 150) + (Count(Completion(), answer) * 600);

    private static long Count(Regex field, string answer) =>
        long.Parse(field.Matches(answer)[^1].Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture);

    [GeneratedRegex("\"prompt_tokens\":(\\d+)")]
    private static partial Regex Prompt();

    [GeneratedRegex("\"completion_tokens\":(\\d+)")]
    private static partial Regex Completion();
}
