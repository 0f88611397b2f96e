using Crew.Gateway.Dialects;
using Crew.Gateway.Sandbox;

namespace Crew.Gateway.Providers;

/// <summary>How providers of one kind are called: which endpoints they have, below which address, and where their credential goes.</summary>
internal sealed class ProviderProtocol
{
    public static readonly ProviderProtocol OpenAi = new("Authorization", "Bearer ", null,
        Operation.ChatCompletions, Operation.Responses, Operation.Embeddings, Operation.Completions, Operation.Moderations, Operation.ImageGenerations,
        Operation.ImageEdits, Operation.ImageVariations, Operation.Speech, Operation.Transcriptions, Operation.Translations);

    /// <summary>Azure serves a model as a deployment, which stands in the path, under a version, which stands in the query.</summary>
    public static readonly ProviderProtocol Azure = new("api-key", "", null,
        Operation.ChatCompletions, Operation.Embeddings, Operation.Completions, Operation.ImageGenerations, Operation.ImageEdits, Operation.Speech,
        Operation.Transcriptions, Operation.Translations);

    public static readonly ProviderProtocol Anthropic = new("x-api-key", "", null, Operation.Messages, Operation.CountTokens);

    public static readonly ProviderProtocol Sandbox = new("Authorization", "Bearer ", SandboxProvider.BaseAddress,
        [.. WireFormats.All.Select(static f => f.Operation)]);

    private readonly string _credentialPrefix;
    private readonly string? _address;
    private readonly Operation[] _operations;

    private ProviderProtocol(string header, string prefix, string? address, params Operation[] operations) =>
        (CredentialHeader, _credentialPrefix, _address, _operations) = (header, prefix, address, operations);

    public string CredentialHeader { get; }

    public static ProviderProtocol Of(string kind) => kind switch
    {
        Provider.Sandbox => Sandbox,
        Provider.Anthropic => Anthropic,
        Provider.Azure => Azure,
        _ => OpenAi,
    };

    /// <summary>The names of the endpoints that providers of this kind can have: their paths without the first slash.</summary>
    public IEnumerable<string> Endpoints => _operations.Select(NameOf);

    /// <summary>The address of the model list, and what a provider needs to be told beside the credential.</summary>
    public HttpRequestMessage ListModels(Provider provider)
    {
        var address = this == Azure ? $"{provider.BaseUrl}/openai/models?api-version={provider.ApiVersion}" : Root(provider.BaseUrl) + "/models";
        var request = new HttpRequestMessage(HttpMethod.Get, new Uri(address));
        if (this == Anthropic)
        {
            WireFormats.Messages.Complete(request.Headers);
        }

        return request;
    }

    /// <summary>The header's value; null for a credential that no header can carry.</summary>
    public string? Credential(string text) =>
        text.Length == 0 || text.AsSpan().ContainsAnyExceptInRange('!', '~') ? null : _credentialPrefix + text;

    /// <summary>The addresses by <see cref="Operation"/>; null where providers of this kind have no such endpoint.</summary>
    /// <param name="baseUrl">Of the provider; ends before the endpoint, without a slash.</param>
    /// <param name="apiVersion">For Azure.</param>
    /// <param name="upstreamModel">The deployment, for Azure.</param>
    /// <param name="only">The endpoints that this one has; null is all of its kind.</param>
    public Uri?[] Uris(string baseUrl, string? apiVersion = null, string upstreamModel = "", IReadOnlyList<string>? only = null)
    {
        var uris = new Uri?[WireFormats.All.Count];
        foreach (var operation in _operations.Where(o => only is null || only.Contains(NameOf(o))))
        {
            var path = WireFormats.All[(int)operation].Path;
            uris[(int)operation] = new Uri(this == Azure
                ? $"{baseUrl}/openai/deployments/{Uri.EscapeDataString(upstreamModel)}{path}?api-version={apiVersion}"
                : (_address ?? Root(baseUrl)) + path);
        }

        return uris;
    }

    private static string NameOf(Operation operation) => WireFormats.All[(int)operation].Path[1..];

    /// <summary>Anthropic clients take a base URL without the version, OpenAI clients one with it; for the former either form is good.</summary>
    private string Root(string baseUrl) => this == Anthropic && !baseUrl.EndsWith("/v1", StringComparison.Ordinal) ? baseUrl + "/v1" : baseUrl;
}
