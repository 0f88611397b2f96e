using Crew.Http;
using Crew.Kernel;
using Crew.Sealing.Egress;
using Crew.Webhooks.Catalogue;

namespace Crew.Webhooks.Endpoints;

/// <summary>What may be given of an endpoint, and what is wrong with it.</summary>
internal static class EndpointDraft
{
    private const int MostUrlCharacters = 2_048;
    private const int MostDescriptionCharacters = 200;

    /// <summary>The address in the form in which it is kept. Looks at its text only; nothing is called.</summary>
    public static Outcome<string> Url(string? given, EgressPolicy egress)
    {
        if (given is null || given.Length > MostUrlCharacters || given.Any(c => c is <= ' ' or > '~') || !Uri.TryCreate(given, UriKind.Absolute, out var url)
            || url.Scheme is not ("https" or "http") || url.Fragment.Length > 0)
        {
            return Faults.Invalid("url", $"url must be a full https URL of at most {MostUrlCharacters} ASCII characters without a fragment, such as https://example.com/hooks/crew.");
        }

        if (egress.Check(EgressPurpose.Webhook, url) is { } refusal)
        {
            return refusal.ToFault().At("url");
        }

        return url.Scheme == "http" && !IsLoopback(url)
            ? Faults.Invalid("url", "A webhook is called by https. Only a host of this machine (localhost, 127.0.0.1, ::1) that CREW_EGRESS_ALLOW lists takes http.")
            : url.AbsoluteUri;
    }

    public static Fault? Description(string? text) => text is { Length: > MostDescriptionCharacters }
        ? Faults.Invalid("description", $"description must be at most {MostDescriptionCharacters} characters.")
        : null;

    /// <summary>
    /// Whether the caller may ask for these events: each one that it names must be one that it may read, and events of a crew need a crew.
    /// A wildcard asks for what may be read, whatever that is.
    /// </summary>
    public static Fault? Events(EventFilter filter, string? crewId, Call call)
    {
        foreach (var type in filter.Named)
        {
            if (!call.May(type.Reads))
            {
                return Faults.InsufficientPermissions(type.Reads.ToString());
            }
        }

        return crewId is null && filter.Types.All(t => t.Level == EventLevel.Crew) || (crewId is null && filter.Named.Any(t => t.Level == EventLevel.Crew))
            ? WebhookFaults.CrewRequired
            : null;
    }

    /// <summary>The crew of a new endpoint: the one in the body, or the one that the credential is bound to or names.</summary>
    public static Outcome<string?> Crew(string? given, Call call)
    {
        var crewId = given ?? call.CrewId;
        if (crewId is null)
        {
            return call.Caller.SeesWorkspaceLevel ? (string?)null : WebhookFaults.CrewRequired;
        }

        return call.Workspace.Crews.TryGetValue(crewId, out var environment) && call.Caller.Sees(crewId, environment) && (call.Caller.CrewId is null || call.Caller.CrewId == crewId)
            ? crewId
            : Faults.NotFound;
    }

    private static bool IsLoopback(Uri url) =>
        url.IsLoopback || (System.Net.IPAddress.TryParse(url.IdnHost, out var address) && System.Net.IPAddress.IsLoopback(address));
}
