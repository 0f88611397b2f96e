namespace Crew.Kernel;

/// <summary>The immutable environment of a crew.</summary>
public enum CrewEnvironment
{
    Development,
    Staging,
    Production,
}

/// <summary>The words used for environments outside the process.</summary>
public static class CrewEnvironments
{
    public static readonly IReadOnlyList<CrewEnvironment> All =
        [CrewEnvironment.Development, CrewEnvironment.Staging, CrewEnvironment.Production];

    public static string ToName(this CrewEnvironment environment) => environment switch
    {
        CrewEnvironment.Development => "development",
        CrewEnvironment.Staging => "staging",
        _ => "production",
    };

    public static bool TryParse(string? name, out CrewEnvironment environment)
    {
        (environment, var found) = name switch
        {
            "development" => (CrewEnvironment.Development, true),
            "staging" => (CrewEnvironment.Staging, true),
            "production" => (CrewEnvironment.Production, true),
            _ => (default, false),
        };
        return found;
    }
}
