using System.Net;

namespace Crew.Sealing.Egress;

/// <summary>The seam to the domain name system. One call gives the addresses of one connection attempt.</summary>
public interface IHostResolver
{
    /// <summary>All addresses of a host; throws <see cref="System.Net.Sockets.SocketException"/> when the name does not resolve.</summary>
    Task<IPAddress[]> Resolve(string host, CancellationToken cancel);
}

/// <summary>The operating system's resolver.</summary>
public sealed class SystemHostResolver : IHostResolver
{
    public Task<IPAddress[]> Resolve(string host, CancellationToken cancel) => Dns.GetHostAddressesAsync(host, cancel);
}
