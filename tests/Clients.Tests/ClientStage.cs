using System.ClientModel;
using System.ClientModel.Primitives;
using Crew.Clients.Tests;
using Crew.Testing;
using OpenAI;
using OpenAI.Chat;
using OpenAI.Models;
using Xunit;

[assembly: AssemblyFixture(typeof(ClientStage))]

// The mock provider is scripted request by request, so the cases run one after the other.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace Crew.Clients.Tests;

/// <summary>A running product with one model behind a mock provider, one key that may use it, and one whose budget is spent.</summary>
public sealed class ClientStage : IAsyncLifetime
{
    public const string Model = "crew-client-model";

    private MockProvider? _mock;
    private CrewServer? _server;

    public MockProvider Mock => _mock!;

    public CrewServer Server => _server!;

    public string Key { get; private set; } = "";

    /// <summary>A strict cap of one nano-dollar, which no completion fits.</summary>
    public string CappedKey { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        _mock = await MockProvider.StartAsync();
        _server = await CrewServer.StartNewAsync(new CrewServerOptions { Providers = [_mock] });
        var provider = await _server.CreateProviderAsync(_mock, cancelStopsBilling: true);
        await _server.CreateModelAsync(new NewModel { Id = Model, ProviderId = provider, MaxOutputTokens = 16_384 });
        var ordinary = new NewKey { Name = "clients", Permissions = ["models:invoke", "models:read"] };
        Key = (await _server.CreateKeyAsync(ordinary)).Key;
        CappedKey = (await _server.CreateKeyAsync(ordinary with { Name = "capped", Budget = new NewKeyBudget("0.000000001") })).Key;
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }

        if (_mock is not null)
        {
            await _mock.DisposeAsync();
        }
    }

    /// <summary>Empties the mock provider and returns a chat client as the package's documentation makes it.</summary>
    public async Task<(ChatClient Chat, SentCount Sent)> ChatAsync(string? key = null, string model = Model, int? retries = null)
    {
        await Mock.Books.QuietAsync(TimeSpan.FromSeconds(10));
        Mock.Reset();
        var sent = new SentCount();
        var options = new OpenAIClientOptions { Endpoint = Server.OpenAiBaseUrl };
        options.AddPolicy(sent, PipelinePosition.PerTry);
        if (retries is { } most)
        {
            options.RetryPolicy = new ClientRetryPolicy(most);
        }

        return (new ChatClient(model, new ApiKeyCredential(key ?? Key), options), sent);
    }

    public OpenAIModelClient Models() =>
        new(new ApiKeyCredential(Key), new OpenAIClientOptions { Endpoint = Server.OpenAiBaseUrl });
}

/// <summary>Counts what the client really sends, retries included.</summary>
public sealed class SentCount : PipelinePolicy
{
    private int _value;

    public int Value => Volatile.Read(ref _value);

    public override void Process(PipelineMessage message, IReadOnlyList<PipelinePolicy> pipeline, int currentIndex)
    {
        Interlocked.Increment(ref _value);
        ProcessNext(message, pipeline, currentIndex);
    }

    public override ValueTask ProcessAsync(PipelineMessage message, IReadOnlyList<PipelinePolicy> pipeline, int currentIndex)
    {
        Interlocked.Increment(ref _value);
        return ProcessNextAsync(message, pipeline, currentIndex);
    }
}
