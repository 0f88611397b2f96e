using Crew.Gateway.Dialects;
using Crew.Gateway.Sandbox;

namespace Crew.Gateway.Providers;

/// <summary>How providers of one kind are called: which endpoints they have, below which address, and where their credential goes.</summary>
internal sealed class ProviderProtocol
{
    public static readonly ProviderProtocol OpenAi = new("Authorization", "Bearer ", null,
        Operation.ChatCompletions, Operation.Responses, Operation.Embeddings);

    public static readonly ProviderProtocol Anthropic = new("x-api-key", "", null, Operation.Messages, Operation.CountTokens);

    public static readonly ProviderProtocol Sandbox = new("Authorization", "Bearer ", SandboxProvider.BaseAddress,
        Operation.ChatCompletions, Operation.Messages, Operation.CountTokens, Operation.Responses, Operation.Embeddings);

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
        _ => OpenAi,
    };

    /// <summary>The address of the model list, and what a provider needs to be told beside the credential.</summary>
    public HttpRequestMessage ListModels(string baseUrl)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, new Uri(Root(baseUrl) + "/models"));
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
    public Uri?[] Uris(string baseUrl)
    {
        var uris = new Uri?[WireFormats.All.Count];
        foreach (var operation in _operations)
        {
            uris[(int)operation] = new Uri((_address ?? Root(baseUrl)) + WireFormats.All[(int)operation].Path);
        }

        return uris;
    }

    /// <summary>Anthropic clients take a base URL without the version, OpenAI clients one with it; for the former either form is good.</summary>
    private string Root(string baseUrl) => this == Anthropic && !baseUrl.EndsWith("/v1", StringComparison.Ordinal) ? baseUrl + "/v1" : baseUrl;
}
