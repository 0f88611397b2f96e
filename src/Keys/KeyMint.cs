using System.Security.Cryptography;
using System.Text;
using Crew.Kernel;
using Crew.Sealing;

namespace Crew.Keys;

/// <summary>Makes key texts and what is kept of them.</summary>
internal sealed class KeyMint(StoredKeys keys, TimeProvider clock)
{
    /// <summary>The pepper of fingerprints: installation-wide, wrapped (like all keys) by the master key.</summary>
    public ReadOnlySpan<byte> Pepper => keys.Ring.Version(KeyScope.Installation, WrappedKey.InstallationId, 1)!.Derive(KeyPurpose.Pepper);

    public KeyRing Ring => keys.Ring;

    /// <summary>A new key from a draft. The text is shown once and kept nowhere.</summary>
    public (ApiKey Key, SecretText Text) Make(
        string organizationId, string workspaceId, KeyDraft draft, KeyKind kind, bool account, string createdBy, string? parentLineageId, string? userId, ApiKey? former = null)
    {
        var id = Id.New(IdPrefix.ApiKey, clock);
        var prefix = draft.Mode switch
        {
            "live" => KeyText.Live,
            "test" => KeyText.Test,
            _ => KeyText.PrefixOf(draft.Environment!.Value),
        };
        var text = KeyText.Mint(prefix);
        var hash = SHA256.HashData(Encoding.ASCII.GetBytes(text.Reveal()));
        var key = new ApiKey
        {
            Id = id,
            WorkspaceId = workspaceId,
            OrganizationId = organizationId,
            LineageId = former?.LineageId ?? id,
            Name = draft.Name,
            Prefix = prefix,
            Last4 = text.Last4,
            Fingerprint = Fingerprint.OfHash(Pepper, hash).ToString("x32", System.Globalization.CultureInfo.InvariantCulture),
            HashSealed = keys.Ring.Seal(KeyScope.Workspace, workspaceId, KeyCells.Hash(workspaceId, id), hash),
            Kind = kind,
            Account = account,
            Mode = draft.Mode,
            Environment = draft.Environment?.ToName(),
            CrewId = draft.CrewId,
            ParentLineageId = parentLineageId,
            UserId = userId,
            CreatedBy = createdBy,
            Permissions = draft.Permissions,
            AllowedIps = draft.AllowedIps,
            AllowedModels = draft.AllowedModels,
            RateLimitPerMinute = draft.RateLimitPerMinute,
            ExpiresAt = draft.ExpiresAt,
            AllowedRegions = draft.AllowedRegions,
            TokensPerMinute = draft.TokensPerMinute,
            ConcurrentStreams = draft.ConcurrentStreams,
            ZeroLogging = draft.ZeroLogging,
            CreatedAt = clock.GetUtcNow(),
        };
        return (key, text);
    }

    /// <summary>The fingerprint of a presented text.</summary>
    public UInt128 FingerprintOf(ReadOnlySpan<char> text) => Fingerprint.Of(Pepper, text);
}
