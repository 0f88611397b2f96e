using System.Text.Json;
using Crew.Sealing;

namespace Crew.Spend.Contracts;

/// <summary>
/// Address and user agent of a request as the ledger keeps them: sealed under the workspace's key, the address also as a keyed
/// hash to find it by. Under zero-logging there is none.
/// </summary>
public sealed record ClientTrace(string IpAddress, string? UserAgent)
{
    private const int HashBytes = 16;

    /// <summary>Seals the trace for <see cref="Attempt.SealedClient"/>.</summary>
    public byte[] Seal(ScopeKey workspaceKey, string workspaceId, string requestId) =>
        workspaceKey.Seal(CellOf(workspaceId, requestId), JsonSerializer.SerializeToUtf8Bytes(this));

    /// <summary>The hash for <see cref="Attempt.IpHash"/>.</summary>
    public static byte[] HashOf(ScopeKey workspaceKey, string ipAddress) =>
        workspaceKey.LookupHash("spend_attempts.ip_hash", ipAddress)[..HashBytes];

    /// <summary>Opens what <see cref="Seal"/> made; null when there is nothing or the key is gone.</summary>
    internal static ClientTrace? Open(KeyRing ring, string workspaceId, string requestId, byte[]? sealedTrace) =>
        sealedTrace is not null && ring.TryOpen(KeyScope.Workspace, workspaceId, CellOf(workspaceId, requestId), sealedTrace, out var json)
            ? JsonSerializer.Deserialize<ClientTrace>(json)
            : null;

    private static Cell CellOf(string workspaceId, string requestId) => new(workspaceId, "spend_attempts", "client_sealed", requestId);
}
