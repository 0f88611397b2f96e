using System.Text.RegularExpressions;
using Crew.Kernel;
using Crew.Sealing.Egress;

namespace Crew.Gateway.Providers;

/// <summary>What may be given of a provider, and what is wrong with it.</summary>
internal static partial class ProviderDraft
{
    /// <summary>Azure's last version without preview features that names itself by date.</summary>
    public const string DefaultApiVersion = "2024-10-21";

    private const int MaximumNameCharacters = 100;
    private const int MaximumKeyCharacters = 4_096;
    private const int MaximumUrlCharacters = 2_048;
    private const int MaximumMarginTokens = 1_000_000;

    public static Fault? Name(string? name) => string.IsNullOrWhiteSpace(name) || name.Length > MaximumNameCharacters
        ? Faults.Invalid("name", $"name must be 1 to {MaximumNameCharacters} characters.")
        : null;

    public static Fault? Kind(string? kind) => kind switch
    {
        Provider.OpenAi or Provider.Anthropic or Provider.Azure or Provider.Sandbox => null,
        _ => Faults.Invalid("kind", "kind must be openai or anthropic (any server that speaks that dialect), azure_openai or sandbox."),
    };

    /// <summary>The base address in the form in which it is kept. Looks at its text only; nothing is called.</summary>
    public static Outcome<string> BaseUrl(string kind, string? given, EgressPolicy egress)
    {
        if (kind == Provider.Sandbox)
        {
            return given is null ? "" : Faults.Invalid("base_url", "A sandbox provider has no base_url; it answers inside this process.");
        }

        if (given is null || given.Length > MaximumUrlCharacters || !Uri.TryCreate(given, UriKind.Absolute, out var url)
            || url.Scheme is not ("http" or "https"))
        {
            return Faults.Invalid("base_url", "base_url must be a full http or https URL as OpenAI clients take it, such as https://api.openai.com/v1.");
        }

        if (url.Query.Length > 0 || url.Fragment.Length > 0)
        {
            return Faults.Invalid("base_url", "base_url must have no query and no fragment.");
        }

        if (egress.Check(EgressPurpose.Provider, url) is { } refusal)
        {
            return refusal.ToFault().At("base_url");
        }

        var path = url.AbsolutePath.TrimEnd('/');
        if (path.EndsWith("/chat/completions", StringComparison.Ordinal) || path.EndsWith("/messages", StringComparison.Ordinal))
        {
            return Faults.Invalid("base_url", "base_url ends before the endpoint: leave /chat/completions or /messages out.");
        }

        if (kind == Provider.Azure)
        {
            return path is "" or "/openai" ? url.GetLeftPart(UriPartial.Authority) : Faults.Invalid("base_url",
                "base_url of an azure_openai provider is the resource's endpoint, such as https://NAME.openai.azure.com. Its /openai/v1 address is a provider of kind openai.");
        }

        return path.Length == 0 && kind != Provider.Anthropic
            ? Faults.Invalid("base_url", "base_url must hold the path that OpenAI clients take, most often /v1, such as https://api.openai.com/v1.")
            : url.GetLeftPart(UriPartial.Authority) + path;
    }

    /// <summary>Azure's API version: required there, meaningless elsewhere.</summary>
    public static Fault? ApiVersion(string kind, string? version) => kind == Provider.Azure
        ? version is not null && AzureVersion().IsMatch(version) ? null
            : Faults.Invalid("api_version", $"api_version must be a version of Azure's API, such as {DefaultApiVersion}.")
        : version is null ? null : Faults.Invalid("api_version", "api_version goes with kind azure_openai only.");

    /// <summary>Some of the endpoints that the kind has, or null for all of them.</summary>
    public static Fault? Endpoints(string kind, IReadOnlyList<string>? names)
    {
        var all = ProviderProtocol.Of(kind).Endpoints.ToList();
        return names is null || (names.Count > 0 && names.Distinct().Count() == names.Count && names.All(all.Contains)) ? null
            : Faults.Invalid("endpoints", $"endpoints must name the endpoints that the provider has, each once, out of: {string.Join(", ", all)}; null is all of them.");
    }

    public static Fault? Key(SecretText? key, bool isOperator)
    {
        if (key is null)
        {
            return null;
        }

        var text = key.Reveal();
        if (CredentialSource.IsReference(text))
        {
            return isOperator ? CredentialSource.Check(text) : GatewayFaults.OperatorOnly;
        }

        return text.Length is 0 or > MaximumKeyCharacters || text.AsSpan().ContainsAnyExceptInRange('!', '~')
            ? Faults.Invalid("api_key", $"api_key must be 1 to {MaximumKeyCharacters} visible ASCII characters, as the provider gave it.")
            : null;
    }

    public static Fault? SharedWith(IReadOnlyList<string>? workspaces, bool isOrganizational)
    {
        const int most = 1_000;
        if (workspaces is null)
        {
            return null;
        }

        if (!isOrganizational)
        {
            return Faults.Invalid("shared_with", "shared_with goes with owner \"organization\": a workspace's provider is not shared.");
        }

        return workspaces.Count > most || workspaces.Any(id => !Id.IsValid(id, IdPrefix.Workspace))
            ? Faults.Invalid("shared_with", $"shared_with must be a list of at most {most} workspace ids (ws_…); null shares with all.")
            : null;
    }

    public static Fault? CancelMargin(int? tokens) => tokens is < 0 or > MaximumMarginTokens
        ? Faults.Invalid("cancel_margin_tokens", $"cancel_margin_tokens must be from 0 to {MaximumMarginTokens}, or null where nobody promises such a number.")
        : null;

    public static Fault? Policy(DataPolicy? policy) =>
        policy is { RetentionDays: < 0 or > 36_500 } ? Faults.Invalid("data_policy.retention_days", "retention_days must be from 0 to 36500.")
        : policy is { Url.Length: > MaximumUrlCharacters } or { Region.Length: > MaximumNameCharacters }
            ? Faults.Invalid("data_policy", "url and region of data_policy are too long.")
            : null;

    [GeneratedRegex("^[0-9]{4}-[0-9]{2}-[0-9]{2}(-preview)?$", RegexOptions.CultureInvariant)]
    private static partial Regex AzureVersion();
}
