using System.Collections.Concurrent;
using Crew.Kernel;
using Crew.Tenancy.Contracts;

namespace Crew.Identity.Sessions;

/// <summary>A session as the way in holds it; replaced as a whole when it changes, save for when it was last seen.</summary>
internal sealed class LiveSession : IDisposable
{
    private readonly CancellationTokenSource _revoked = new();
    private readonly ConcurrentDictionary<string, Entered> _entered = new(StringComparer.Ordinal);
    private long _seenAtMs;
    private long _markedAtMs;

    public LiveSession(Session row, DateTimeOffset? mfaDueAt)
    {
        (Id, UserId, TokenHash, Methods, ExpiresAt, ProvedAt, MfaDueAt) = (row.Id, row.UserId, row.TokenHash, row.Methods, row.ExpiresAt, row.ProvedAt, mfaDueAt);
        _seenAtMs = _markedAtMs = row.LastSeenAt.ToUnixTimeMilliseconds();
    }

    public string Id { get; }

    public string UserId { get; }

    public string TokenHash { get; }

    public IReadOnlyList<string> Methods { get; }

    public DateTimeOffset ExpiresAt { get; }

    public DateTimeOffset ProvedAt { get; }

    /// <summary>From when on a workspace that requires a second factor refuses this session, where it has none.</summary>
    public DateTimeOffset? MfaDueAt { get; }

    /// <summary>Whether it was opened with a second factor beside the password; a passkey is both at once.</summary>
    public bool HasSecondFactor => Methods.Any(m => m is "totp" or "recovery" or "passkey");

    public DateTimeOffset SeenAt => DateTimeOffset.FromUnixTimeMilliseconds(Volatile.Read(ref _seenAtMs));

    public void See(DateTimeOffset now) => Volatile.Write(ref _seenAtMs, Math.Max(Volatile.Read(ref _seenAtMs), now.ToUnixTimeMilliseconds()));

    /// <summary>When it was last seen, if that is to be written; what was taken counts as written.</summary>
    public DateTimeOffset? TakeMark()
    {
        var seen = Volatile.Read(ref _seenAtMs);
        return Interlocked.Exchange(ref _markedAtMs, seen) < seen ? DateTimeOffset.FromUnixTimeMilliseconds(seen) : null;
    }

    /// <summary>
    /// The caller in a workspace, made once for the same person and workspace: it stops being one when the session or anything about the
    /// person ends.
    /// </summary>
    public Caller Enter(Person person, WorkspaceView workspace, PersonRights rights)
    {
        if (_entered.TryGetValue(workspace.Id, out var known) && ReferenceEquals(known.Person, person) && ReferenceEquals(known.Workspace, workspace))
        {
            return known.Caller;
        }

        var either = CancellationTokenSource.CreateLinkedTokenSource(_revoked.Token, person.Changed);
        var caller = new Caller
        {
            Actor = new Actor("user", person.Id) { Email = person.Email },
            OrganizationId = workspace.OrganizationId,
            WorkspaceId = workspace.Id,
            Name = person.Name ?? person.Email,
            Kind = KeyKind.User,
            UserId = person.Id,
            LineageId = person.Id,
            SessionId = Id,
            ProvedAt = ProvedAt,
            Role = rights.Role,
            Permissions = rights.Permissions,
            WithheldInProduction = rights.WithheldInProduction,
            OrganizationPermissions = rights.Organization,
            IsAccount = rights.IsOrganizationOwner,
            Environments = rights.Environments,
            Revoked = either.Token,
        };
        if (_entered.Count > 64)
        {
            _entered.Clear();
        }

        _entered[workspace.Id] = new Entered(person, workspace, caller);
        return caller;
    }

    /// <summary>Ends it here: open streams are cut.</summary>
    public void Cut() => _revoked.Cancel();

    public void Dispose() => _revoked.Dispose();

    private sealed record Entered(Person Person, WorkspaceView Workspace, Caller Caller);
}
