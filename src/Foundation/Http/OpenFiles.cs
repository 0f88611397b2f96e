using System.Globalization;

namespace Crew.Http;

/// <summary>
/// How many connections the system's limit on open files leaves room for. Beyond that limit the runtime itself cannot go on: it ends the
/// process where it needs a handle and gets none.
/// </summary>
public static class OpenFiles
{
    /// <summary>
    /// What a server keeps for itself, and needs to start: without connections it has about 260 open files (libraries, the database and its
    /// readers, event queues).
    /// </summary>
    public const long Own = 320;

    /// <summary>A client's connection and the one to the provider that answers it.</summary>
    private const long PerConnection = 2;

    private const long FewestConnections = 8;

    /// <summary>The most connections at a time; null where nothing limits them, or the system does not say.</summary>
    public static long? MostConnections() => MostConnections(Limit());

    /// <summary>How many files this process may have open; null where nothing limits them, or the system does not say.</summary>
    public static long? Limit() => File.Exists("/proc/self/limits") ? Limit(File.ReadLines("/proc/self/limits")) : null;

    internal static long? MostConnections(long? limit) => limit is { } files ? Math.Max(FewestConnections, (files - Own) / PerConnection) : null;

    /// <param name="limits">The lines of <c>/proc/self/limits</c> (proc(5)): name, soft limit, hard limit, unit.</param>
    internal static long? Limit(IEnumerable<string> limits)
    {
        const string name = "Max open files";
        var soft = limits.FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal))?[name.Length..]
            .Split(' ', StringSplitOptions.RemoveEmptyEntries).FirstOrDefault();
        return long.TryParse(soft, CultureInfo.InvariantCulture, out var files) ? files : null;
    }
}
