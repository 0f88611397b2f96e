namespace Crew.Sealing.Egress;

/// <summary>
/// Names that stand for places inside a network: single labels, and the endings that registries keep out of the public tree
/// (RFC 6761, RFC 6762, RFC 8375, ICANN's reservation of <c>.internal</c>) or that networks use without asking.
/// </summary>
internal static class PrivateNames
{
    private static readonly string[] _endings =
        [".localhost", ".local", ".internal", ".home.arpa", ".intranet", ".private", ".corp", ".home", ".lan", ".localdomain"];

    public static bool Covers(string host)
    {
        var name = host.TrimEnd('.');
        return !name.Contains('.', StringComparison.Ordinal) || _endings.Any(e => name.EndsWith(e, StringComparison.OrdinalIgnoreCase));
    }
}
