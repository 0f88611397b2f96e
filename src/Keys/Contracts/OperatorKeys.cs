using Crew.Kernel;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Keys.Contracts;

/// <summary>A key as the command line lists it.</summary>
public sealed record OperatorKey(string Id, string WorkspaceId, string Name, string Kind, string Prefix, string Last4, string Status, DateTimeOffset CreatedAt, DateTimeOffset? LastUsedAt,
    bool Account, bool RotationDue);

/// <summary>Keys from the command line: the operator's way to make masters, and to revoke when nobody can sign in.</summary>
public sealed class OperatorKeys
{
    private readonly Store _store;
    private readonly KeyMint _mint;
    private readonly TimeProvider _clock;

    internal OperatorKeys(Store store, KeyMint mint, TimeProvider clock) => (_store, _mint, _clock) = (store, mint, clock);

    /// <summary>Makes a master key of a workspace; an account master also carries the organization's permissions.</summary>
    public async Task<Outcome<(string Id, SecretText Text)>> CreateMasterAsync(
        string organizationId, string workspaceId, string name, bool isTest, bool isAccount, Origin origin, CancellationToken cancel)
    {
        if (KeyRequestCheck.Name(name) is { } wrong)
        {
            return wrong;
        }

        var draft = new KeyDraft(name, ["*"], Permissions.All, isTest ? "test" : "live", null, null, [], null, null, null);
        var (key, text) = _mint.Make(organizationId, workspaceId, draft, KeyKind.Master, isAccount, origin.Actor.Id, null, null);
        return await SaveAsync(key, text, origin, cancel);
    }

    /// <summary>Makes a service key with given permissions, for scripts of the operator.</summary>
    public async Task<Outcome<(string Id, SecretText Text)>> CreateServiceAsync(
        string organizationId, string workspaceId, string name, IReadOnlyList<string> permissions, bool isTest, Origin origin, CancellationToken cancel)
    {
        if ((KeyRequestCheck.Name(name) ?? KeyRequestCheck.Rights(permissions).Fault) is { } wrong)
        {
            return wrong;
        }

        _ = PermissionSet.TryParse(permissions, out var rights, out _);
        var draft = new KeyDraft(name, permissions, rights, isTest ? "test" : "live", null, null, [], null, null, null);
        var kind = permissions.Contains("*") ? KeyKind.Master : KeyKind.Service;
        var (key, text) = _mint.Make(organizationId, workspaceId, draft, kind, false, origin.Actor.Id, null, null);
        return await SaveAsync(key, text, origin, cancel);
    }

    /// <summary>Whether any key was ever used, as far as that is written: last uses are, every ten seconds.</summary>
    public Task<bool> AnyUsedAsync(CancellationToken cancel) =>
        _store.ReadAsync(SystemJob.OperatorCommand, db => db.Set<ApiKey>().AnyAsync(k => k.LastUsedAt != null, cancel), cancel);

    public Task<List<OperatorKey>> ListAsync(CancellationToken cancel) => _store.ReadAsync(SystemJob.OperatorCommand, async db =>
    {
        var now = _clock.GetUtcNow();
        var keys = await db.Set<ApiKey>().AsNoTracking().OrderBy(k => k.Id).ToListAsync(cancel);
        return keys.ConvertAll(k => new OperatorKey(k.Id, k.WorkspaceId, k.Name, k.Kind.ToString().ToLowerInvariant(), k.Prefix, k.Last4, k.StatusAt(now), k.CreatedAt, k.LastUsedAt,
            k.Account, k.StatusAt(now) == "active" && k.CreatedAt.AddDays(ApiKey.RotationDays) <= now));
    }, cancel);

    /// <summary>Revokes a key of any workspace.</summary>
    public Task<Outcome<bool>> RevokeAsync(string keyId, Origin origin, CancellationToken cancel) =>
        _store.ChangeAsync<bool>(SystemJob.OperatorCommand, origin, async db =>
        {
            if (await db.Set<ApiKey>().SingleOrDefaultAsync(k => k.Id == keyId) is not { } key)
            {
                return Faults.NotFound;
            }

            await RevokeKey.RevokeAsync(db, key, _clock.GetUtcNow());
            db.Raise(new Event("operator.key.revoked", new Resource("api_key", key.Id, key.Name)) { Log = EventLog.Installation });
            return true;
        }, cancel);

    private async Task<Outcome<(string Id, SecretText Text)>> SaveAsync(ApiKey key, SecretText text, Origin origin, CancellationToken cancel)
    {
        var saved = await _store.ChangeAsync<bool>(SystemJob.OperatorCommand, origin, db =>
        {
            CreateKey.Add(db, key);
            db.Raise(new Event("operator.key.created", new Resource("api_key", key.Id, key.Name)) { Log = EventLog.Installation });
            return Task.FromResult<Outcome<bool>>(true);
        }, cancel);
        return saved.Failed(out var fault) ? fault : (key.Id, text);
    }
}
