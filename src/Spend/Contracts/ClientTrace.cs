using System.Collections.Concurrent;
using System.Text.Json;
using Crew.Sealing;

namespace Crew.Spend.Contracts;

/// <summary>
/// Address and user agent of a request as the ledger keeps them: sealed under the workspace's key for the rows of that address,
/// the address also as a keyed hash to find it by. Under zero-logging there is none.
/// </summary>
public sealed record ClientTrace(string IpAddress, string? UserAgent)
{
    private const int HashBytes = 16;

    /// <summary>Opens what <see cref="ClientSeal"/> made; null when there is nothing or the key is gone.</summary>
    internal static ClientTrace? Open(KeyRing ring, string workspaceId, byte[]? ipHash, byte[]? sealedTrace) =>
        sealedTrace is not null && ipHash is not null
        && ring.TryOpen(KeyScope.Workspace, workspaceId, CellOf(workspaceId, ipHash), sealedTrace, out var json)
            ? JsonSerializer.Deserialize<ClientTrace>(json)
            : null;

    /// <summary>The keyed hash of an address (16 bytes) for <see cref="Attempt.IpHash"/>.</summary>
    internal static byte[] HashOf(ScopeKey workspaceKey, string ipAddress) =>
        workspaceKey.LookupHash("spend_attempts.ip_hash", ipAddress)[..HashBytes];

    internal byte[] Seal(ScopeKey workspaceKey, string workspaceId, byte[] ipHash) =>
        workspaceKey.Seal(CellOf(workspaceId, ipHash), JsonSerializer.SerializeToUtf8Bytes(this));

    private static Cell CellOf(string workspaceId, byte[] ipHash) =>
        new(workspaceId, "spend_attempts", "client_sealed", Convert.ToHexStringLower(ipHash));
}

/// <summary>
/// Seals traces for the ledger. Few clients make most of the requests, so a trace is sealed once and its bytes stand in every row of
/// that client; bounded, and made anew when full.
/// </summary>
public sealed class ClientSeal
{
    private const int MostClients = 8_192;

    private readonly ConcurrentDictionary<(ScopeKey Key, string IpAddress, string? UserAgent), Sealed> _sealed = new();
    private int _count;

    /// <summary>The trace sealed, and the keyed hash of its address, under the key of its workspace.</summary>
    public (byte[] Client, byte[] IpHash) Of(ScopeKey workspaceKey, string workspaceId, string ipAddress, string? userAgent)
    {
        var place = (workspaceKey, ipAddress, userAgent);
        if (!_sealed.TryGetValue(place, out var made))
        {
            var hash = ClientTrace.HashOf(workspaceKey, ipAddress);
            made = new Sealed(new ClientTrace(ipAddress, userAgent).Seal(workspaceKey, workspaceId, hash), hash);
            Keep(place, made);
        }

        return (made.Client, made.IpHash);
    }

    private void Keep((ScopeKey Key, string IpAddress, string? UserAgent) place, Sealed made)
    {
        if (Interlocked.Increment(ref _count) > MostClients)
        {
            _sealed.Clear();
            Volatile.Write(ref _count, 1);
        }

        _sealed[place] = made;
    }

    private sealed record Sealed(byte[] Client, byte[] IpHash);
}
