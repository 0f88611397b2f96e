using System.Globalization;

namespace Crew.Http;

/// <summary>
/// How many connections the system's limit on open files leaves room for. Beyond that limit the runtime itself cannot go on: it ends the
/// process where it needs a handle and gets none.
/// </summary>
public static class OpenFiles
{
    /// <summary>Open files of a server without connections are about 260: libraries, the database and its readers, event queues.</summary>
    private const long Own = 320;

    /// <summary>A client's connection and the one to the provider that answers it.</summary>
    private const long PerConnection = 2;

    private const long FewestConnections = 8;

    /// <summary>The most connections at a time; null where nothing limits them, or the system does not say.</summary>
    public static long? MostConnections() => File.Exists("/proc/self/limits") ? MostConnections(File.ReadLines("/proc/self/limits")) : null;

    /// <param name="limits">The lines of <c>/proc/self/limits</c> (proc(5)): name, soft limit, hard limit, unit.</param>
    internal static long? MostConnections(IEnumerable<string> limits)
    {
        const string name = "Max open files";
        var soft = limits.FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal))?[name.Length..]
            .Split(' ', StringSplitOptions.RemoveEmptyEntries).FirstOrDefault();
        return long.TryParse(soft, CultureInfo.InvariantCulture, out var files) ? Math.Max(FewestConnections, (files - Own) / PerConnection) : null;
    }
}
