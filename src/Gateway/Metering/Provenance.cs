namespace Crew.Gateway.Metering;

/// <summary>How far the numbers of a usage row can be trusted.</summary>
internal enum Provenance
{
    /// <summary>The provider's own usage.</summary>
    Exact,

    /// <summary>The answer came in full without usage; the numbers were derived from its size.</summary>
    Estimated,

    /// <summary>The exchange was cut; the numbers are what was delivered, and the provider may bill more.</summary>
    Floor,

    /// <summary>Nobody knows what the attempt cost; the whole hold is counted.</summary>
    Lost,
}

/// <summary>The words used for provenance outside the process.</summary>
internal static class Provenances
{
    public static string ToName(this Provenance provenance) => provenance switch
    {
        Provenance.Exact => "exact",
        Provenance.Estimated => "estimated",
        Provenance.Floor => "floor",
        _ => "lost",
    };
}
