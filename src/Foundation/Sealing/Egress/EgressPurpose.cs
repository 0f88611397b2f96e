namespace Crew.Sealing.Egress;

/// <summary>Why a call goes out.</summary>
public enum EgressPurpose
{
    Webhook,
    Code,
    Sso,
    Crawl,
    Provider,

    /// <summary>Public keys of those who report leaked keys, from where the operator says.</summary>
    Leak,
}

/// <summary>The words of <c>CREW_EGRESS_ALLOW</c>.</summary>
public static class EgressPurposes
{
    public static string ToName(this EgressPurpose purpose) => purpose switch
    {
        EgressPurpose.Webhook => "webhook",
        EgressPurpose.Code => "code",
        EgressPurpose.Sso => "sso",
        EgressPurpose.Crawl => "crawl",
        EgressPurpose.Leak => "leak",
        _ => "provider",
    };

    public static bool TryParse(ReadOnlySpan<char> name, out EgressPurpose purpose)
    {
        (purpose, var found) = name switch
        {
            "webhook" => (EgressPurpose.Webhook, true),
            "code" => (EgressPurpose.Code, true),
            "sso" => (EgressPurpose.Sso, true),
            "crawl" => (EgressPurpose.Crawl, true),
            "leak" => (EgressPurpose.Leak, true),
            "provider" => (EgressPurpose.Provider, true),
            _ => (default, false),
        };
        return found;
    }
}
