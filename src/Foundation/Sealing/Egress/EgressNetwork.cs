using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Crew.Kernel;

namespace Crew.Sealing.Egress;

/// <summary>The network that calls go out of: the operator's outbound proxy and the certificate authorities that are trusted beside the system's.</summary>
public sealed class EgressNetwork
{
    private const int MaximumBundleBytes = 8 * 1024 * 1024;

    /// <summary>No proxy, and the system's authorities.</summary>
    public static EgressNetwork Direct { get; } = new();

    /// <summary>Null: calls are dialled directly.</summary>
    public EgressProxy? Proxy { get; init; }

    /// <summary>Authorities from <c>CREW_EGRESS_CA</c>; they come beside the system's, never in their place.</summary>
    public X509Certificate2Collection PrivateRoots { get; init; } = [];

    /// <summary>Reads the settings; a proxy or file that cannot be used is refused, so that a start fails and not each call.</summary>
    /// <param name="proxy">See <see cref="EgressProxy.Parse"/>.</param>
    /// <param name="exceptions">See <see cref="EgressProxy.Parse"/>.</param>
    /// <param name="target">See <see cref="EgressProxy.Parse"/>.</param>
    /// <param name="bundle">A PEM file of certificates; null or empty for none.</param>
    public static Outcome<EgressNetwork> Read(string? proxy, string? exceptions, string? target, string? bundle)
    {
        var via = EgressProxy.Parse(proxy, exceptions, target);
        if (via.Failed(out var unusable))
        {
            return unusable;
        }

        var roots = ReadBundle(bundle);
        return roots.Failed(out var unreadable) ? unreadable : new EgressNetwork { Proxy = via.Value, PrivateRoots = roots.Value };
    }

    private static Outcome<X509Certificate2Collection> ReadBundle(string? bundle)
    {
        var roots = new X509Certificate2Collection();
        if (string.IsNullOrEmpty(bundle))
        {
            return roots;
        }

        try
        {
            if (new FileInfo(bundle) is { Exists: true, Length: <= MaximumBundleBytes })
            {
                roots.ImportFromPem(File.ReadAllText(bundle));
            }
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException or CryptographicException)
        {
            roots.Clear();
        }

        return roots.Count > 0 ? roots : Faults.Invalid("CREW_EGRESS_CA",
            $"CREW_EGRESS_CA ({bundle}) is no file of certificates in PEM form that this user can read. Give the file of your own authority's certificates.");
    }
}
