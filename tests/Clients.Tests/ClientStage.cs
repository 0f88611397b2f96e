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

    /// <summary>The model of each kind of provider; the mock stands behind all but the last.</summary>
    public static readonly IReadOnlyDictionary<string, string> Models = new Dictionary<string, string>
    {
        ["openai"] = Model,
        ["azure_openai"] = "crew-client-azure",
        ["anthropic"] = "crew-client-claude",
        ["sandbox"] = "crew-sandbox-script",
    };

    private MockProvider? _mock;
    private CrewServer? _server;

    public MockProvider Mock => _mock!;

    public CrewServer Server => _server!;

    public string Key { get; private set; } = "";

    /// <summary>The titles of the cases that the clients for Node have passed; they run once.</summary>
    public Lazy<Task<IReadOnlyCollection<string>>> Node { get; private set; } = null!;

    /// <summary>A strict cap of one nano-dollar, which no completion fits.</summary>
    public string CappedKey { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        _mock = await MockProvider.StartAsync();
        _server = await CrewServer.StartNewAsync(new CrewServerOptions
        {
            Providers = [_mock],

            // Silence is long after a moment here, so that a case need not wait for a quarter of a minute.
            Environment = new Dictionary<string, string?> { ["CREW_STREAM_PING_SECONDS"] = "0.3" },
        });
        var provider = await _server.CreateProviderAsync(_mock, cancelStopsBilling: true);
        await _server.CreateModelAsync(new NewModel { Id = Model, ProviderId = provider, MaxOutputTokens = 16_384 });
        var anthropic = await _server.CreateProviderAsync(_mock, "anthropic", cancelStopsBilling: true, kind: "anthropic");
        await _server.CreateModelAsync(new NewModel { Id = Models["anthropic"], ProviderId = anthropic, MaxOutputTokens = 16_384 });
        var azure = await _server.CreateProviderAsync(_mock, "azure", cancelStopsBilling: true, kind: "azure_openai");
        await _server.CreateModelAsync(new NewModel { Id = Models["azure_openai"], ProviderId = azure, MaxOutputTokens = 16_384 });
        Node = new Lazy<Task<IReadOnlyCollection<string>>>(() => NodeRun.PassAsync(this));
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
        await ResetAsync();
        var sent = new SentCount();
        return (new ChatClient(model, new ApiKeyCredential(key ?? Key), Prepare(new OpenAIClientOptions { Endpoint = Server.OpenAiBaseUrl }, sent, retries)), sent);
    }

    /// <summary>Counts what the client sends and gets, and leaves the rest as the package has it.</summary>
    internal static T Prepare<T>(T options, SentCount sent, int? retries)
        where T : ClientPipelineOptions
    {
        options.AddPolicy(sent, PipelinePosition.PerTry);
        options.Transport = new HttpClientPipelineTransport(new HttpClient(sent.Watch));
        if (retries is { } most)
        {
            options.RetryPolicy = new ClientRetryPolicy(most);
        }

        return options;
    }

    /// <summary>Empties the mock provider once it has nothing in flight.</summary>
    public async Task ResetAsync()
    {
        await Mock.Books.QuietAsync(TimeSpan.FromSeconds(10));
        Mock.Reset();
    }

    /// <summary>Makes the model behave, whatever kind it is; returns what to say to it.</summary>
    public string Behave(string kind, string directives, params MockBehavior[] behaviors)
    {
        if (kind == "sandbox" && directives.Length > 0)
        {
            return directives;
        }

        Mock.Next(behaviors);
        return "Say something.";
    }

    /// <summary>The provider must have seen that its client left; the sandbox keeps no books.</summary>
    public async Task ShouldBeLeftAsync(string kind)
    {
        await Mock.Books.QuietAsync(TimeSpan.FromSeconds(10));
        if (kind != "sandbox" && !Mock.Books.Bills.Single().Disconnected)
        {
            throw new InvalidOperationException("The provider spoke on to a client that had gone.");
        }
    }

    /// <summary>The provider was silent for longer than a stream may be: a sign of life must have gone over the wire.</summary>
    internal static void ShouldHavePinged(WireWatch watch)
    {
        if (watch.Pings == 0)
        {
            throw new InvalidOperationException("Nothing went out while the provider was silent.");
        }
    }

    public OpenAIModelClient Catalogue() =>
        new(new ApiKeyCredential(Key), new OpenAIClientOptions { Endpoint = Server.OpenAiBaseUrl });
}

/// <summary>Counts what the client really sends, retries included.</summary>
public sealed class SentCount : PipelinePolicy
{
    private int _value;

    public int Value => Volatile.Read(ref _value);

    /// <summary>What comes back on the wire, which the package itself passes over.</summary>
    internal WireWatch Watch { get; } = new();

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
