namespace Crew.Gateway.Providers;

/// <summary>A provider as the API shows it; never its credential.</summary>
internal sealed record ProviderAnswer(
    string Id, string Name, string Kind, string? BaseUrl, string? ApiVersion, IReadOnlyList<string>? Endpoints, string? KeyLast4, string Status, string Owner, IReadOnlyList<string>? SharedWith,
    ProviderTimeouts Timeouts, bool CancelStopsBilling, int? CancelMarginTokens, DataPolicy? DataPolicy, ClientCertificate? ClientCertificate,
    DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt)
{
    public static ProviderAnswer Of(Provider provider) => new(
        provider.Id, provider.Name, provider.Kind, provider.BaseUrl.Length == 0 ? null : provider.BaseUrl, provider.ApiVersion, provider.Endpoints, provider.KeyLast4,
        provider.IsReady ? "ready" : "no_credential", provider.WorkspaceId is null ? "organization" : "workspace", provider.SharedWith,
        provider.ReadTimeouts(), provider.CancelStopsBilling, provider.CancelMarginTokens,
        provider.ReadDataPolicy(),
        provider.ReadClientCertificate(), provider.CreatedAt, provider.UpdatedAt);
}
