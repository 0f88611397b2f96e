using Crew.Kernel;

namespace Crew.Host;

/// <summary>Why the program does not start.</summary>
internal static class HostFaults
{
    public static readonly Fault DatabaseUnreachable = new("database_unreachable", 503,
        "PostgreSQL does not answer under CREW_DATABASE. Check host, port, name, user and password, and that it accepts connections from here.");

    public static readonly Fault AlreadyServed = new("already_served", 409,
        "Another crew process serves this data folder or database. Stop it first, or use another one.");

    public static readonly Fault AlreadyInitialised = new("already_initialised", 409,
        "There is an installation already. Start it with crew serve; make a further organization with crew orgs create.");

    public static Fault NoInstallation(string place) => new("no_installation", 404,
        $"There is no Crew installation in {place}. Make one with crew init, or start crew serve, which makes one by itself.");
}
