using System.Collections.Concurrent;
using Crew.Sealing;

namespace Crew.Audit;

/// <summary>
/// Seals the personal fields under the key of the log's owner, and hashes IP addresses for look-up. The first byte of a sealed
/// value names the scope of its key: where a log's own key is not there (a workspace born on another node a moment ago), the
/// installation's takes its place, because a record without its author's address would be worth little.
/// </summary>
internal sealed class PersonalSeal(Lazy<KeyRing> keys)
{
    private const int HashBytes = 16;
    private const int MaximumHashes = 8_192;
    private readonly ConcurrentDictionary<(ScopeKey Key, string Ip), string> _hashes = new();

    /// <summary>Fills commitments, sealed part and hash of a record whose other fields are set.</summary>
    public void Apply(RecordFields record, Personal personal)
    {
        Span<byte> salts = stackalloc byte[3 * Personal.SaltBytes];
        Salts.Fill(salts);
        record.Commitments = personal.Commit(salts, out var clear);
        var key = KeyOf(record);
        var envelope = key.Seal(CellOf(record), clear);
        var value = new byte[envelope.Length + 1];
        value[0] = (byte)key.Scope;
        envelope.CopyTo(value.AsSpan(1));
        record.Personal = value;
        record.IpHash = personal.Ip is { } ip ? HashOf(key, ip) : null;
    }

    /// <summary>The personal fields in clear; null where they were erased or their key was destroyed.</summary>
    public Personal? Open(RecordFields record) => Open(record, out _);

    public Personal? Open(RecordFields record, out byte[] salts)
    {
        salts = [];
        if (record.Personal is not { Length: > 1 } value)
        {
            return null;
        }

        var (scope, scopeId) = value[0] == (byte)KeyScope.Installation ? (KeyScope.Installation, WrappedKey.InstallationId) : OwnerOf(record);
        return keys.Value.TryOpen(scope, scopeId, CellOf(record), value.AsSpan(1), out var clear) ? Personal.Parse(clear, out salts) : null;
    }

    /// <summary>The hashes under which an address may stand in a log: one for each version of its key and of the installation's.</summary>
    public IReadOnlyList<string> HashesOf(string? organizationId, string? workspaceId, string ip)
    {
        var (scope, scopeId) = OwnerOf(new RecordFields { OrganizationId = organizationId, WorkspaceId = workspaceId });
        IEnumerable<ScopeKey> versions = keys.Value.Versions(scope, scopeId);
        if (scope != KeyScope.Installation)
        {
            versions = versions.Concat(keys.Value.Versions(KeyScope.Installation, WrappedKey.InstallationId));
        }

        return [.. versions.Select(key => HashOf(key, ip))];
    }

    private static (KeyScope Scope, string ScopeId) OwnerOf(RecordFields record) =>
        record.WorkspaceId is { } workspace ? (KeyScope.Workspace, workspace)
        : record.OrganizationId is { } organization ? (KeyScope.Organization, organization)
        : (KeyScope.Installation, WrappedKey.InstallationId);

    private static Cell CellOf(RecordFields record) => new(record.LogId, "audit_records", "personal", record.Id);

    private ScopeKey KeyOf(RecordFields record)
    {
        var (scope, scopeId) = OwnerOf(record);
        return keys.Value.Current(scope, scopeId)
            ?? keys.Value.Current(KeyScope.Installation, WrappedKey.InstallationId)
            ?? throw new InvalidOperationException("The installation key is not there.");
    }

    /// <summary>Few addresses make most of the traffic, so their hashes are kept.</summary>
    private string HashOf(ScopeKey key, string ip)
    {
        if (_hashes.TryGetValue((key, ip), out var known))
        {
            return known;
        }

        if (_hashes.Count >= MaximumHashes)
        {
            _hashes.Clear();
        }

        return _hashes[(key, ip)] = System.Buffers.Text.Base64Url.EncodeToString(key.LookupHash("audit_records.ip", ip).AsSpan(0, HashBytes));
    }
}
