using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Crew.Testing;

public sealed record MockProviderOptions
{
    /// <summary>0: any free port.</summary>
    public int Port { get; init; }

    public MockPrices Prices { get; init; } = MockPrices.Default;

    /// <summary>False keeps only the sums, for runs of millions of requests.</summary>
    public bool KeepBills { get; init; } = true;

    /// <summary>How many of the last requests are kept whole.</summary>
    public int KeptBodies { get; init; } = 64;
}

/// <summary>
/// A model provider to test against: a real Kestrel on loopback that speaks the OpenAI and the Anthropic dialect, behaves as scripted, and keeps
/// books of its own, so that a test can hold our ledger against a bill that we did not write.
/// A request is treated by the first that applies: the next scripted behaviour, the rule, the model's behaviour, the default.
/// </summary>
public sealed class MockProvider : IAsyncDisposable
{
    private readonly WebApplication _server;
    private readonly MockChat _chat;
    private readonly ConcurrentQueue<MockBehavior> _next = new();
    private readonly ConcurrentDictionary<string, MockBehavior> _models = new(StringComparer.Ordinal);

    private MockProvider(MockProviderOptions options)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.Limits.MinResponseDataRate = null;
            kestrel.Listen(System.Net.IPAddress.Loopback, options.Port);
        });
        builder.Services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.None));
        _server = builder.Build();
        Books = new MockBooks(options.KeepBills, options.KeptBodies);
        _chat = new MockChat(Books, options.Prices);
        _server.Run(ServeAsync);
    }

    public MockBooks Books { get; }

    public int Port { get; private set; }

    /// <summary>What an OpenAI client takes as its base URL; ends in <c>/v1</c>.</summary>
    public Uri BaseUrl => new($"http://127.0.0.1:{Port}/v1");

    /// <summary>What an Anthropic client takes as its base URL.</summary>
    public Uri AnthropicBaseUrl => new($"http://127.0.0.1:{Port}");

    /// <summary>The entry for <c>CREW_EGRESS_ALLOW</c> that lets the product call this provider.</summary>
    public string EgressEntry => $"provider@127.0.0.1:{Port}";

    /// <summary>The credential that the provider asks for; null takes any.</summary>
    public string? RequiredCredential { get; set; }

    public MockBehavior Default { get; set; } = MockBehavior.Instant;

    /// <summary>Decides by the request itself; null passes the request on to its model's behaviour.</summary>
    public Func<MockRequest, MockBehavior?>? Rule { get; set; }

    public static async Task<MockProvider> StartAsync(MockProviderOptions? options = null)
    {
        var provider = new MockProvider(options ?? new MockProviderOptions());
        await provider._server.StartAsync();
        var address = provider._server.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!;
        provider.Port = new Uri(address.Addresses.Single()).Port;
        return provider;
    }

    /// <summary>Scripts the coming requests, one each, in this order.</summary>
    public void Next(params IEnumerable<MockBehavior> behaviors)
    {
        foreach (var behavior in behaviors)
        {
            _next.Enqueue(behavior);
        }
    }

    /// <summary>Sets how requests for this upstream model are treated, and lists it at <c>/v1/models</c>.</summary>
    public void ForModel(string model, MockBehavior behavior) => _models[model] = behavior;

    /// <summary>Back to the beginning: nothing scripted, empty books. Call it only while nothing is in flight.</summary>
    public void Reset()
    {
        _next.Clear();
        _models.Clear();
        (Default, Rule, RequiredCredential) = (MockBehavior.Instant, null, null);
        Books.Clear();
    }

    public async ValueTask DisposeAsync()
    {
        using var hurry = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
        await _server.StopAsync(hurry.Token);
        await _server.DisposeAsync();
    }

    private Task ServeAsync(HttpContext context)
    {
        var path = OfDeployment(context) ?? context.Request.Path.Value ?? "";
        if (path is "/v1/chat/completions" or "/v1/messages" or "/v1/messages/count_tokens" or "/v1/responses" or "/v1/embeddings" && HttpMethods.IsPost(context.Request.Method))
        {
            return _chat.ServeAsync(context, Choose, RequiredCredential);
        }

        if (path.StartsWith("/v1/models", StringComparison.Ordinal) && HttpMethods.IsGet(context.Request.Method))
        {
            return MockCatalogue.ServeAsync(context, path, [.. _models.Keys.Order(StringComparer.Ordinal)]);
        }

        return path.StartsWith(MockControl.Prefix, StringComparison.Ordinal)
            ? MockControl.ServeAsync(context, this)
            : MockChat.RefuseAsync(context, 404, "unknown_url", $"Unknown request URL: {context.Request.Method} {path}");
    }

    /// <summary>Azure's form of an address: the deployment stands in the path and the version in the query.</summary>
    private static string? OfDeployment(HttpContext context)
    {
        var parts = (context.Request.Path.Value ?? "").Split('/', 5);
        if (parts is not ["", "openai", "deployments", _, var operation] || !context.Request.Query.ContainsKey("api-version") || !context.Request.Headers.ContainsKey("api-key"))
        {
            return null;
        }

        context.Request.Path = "/v1/" + operation;
        return context.Request.Path.Value;
    }

    private MockBehavior Choose(MockRequest request)
    {
        if (!_next.IsEmpty && _next.TryDequeue(out var next))
        {
            return next;
        }

        return Rule?.Invoke(request)
            ?? (request.Model is { } model && _models.TryGetValue(model, out var known) ? known : Default);
    }
}
