using Crew.Kernel;

namespace Crew.Http;

/// <summary>
/// Says what a principal may do at this moment, for work that goes on behind a request on its behalf (a webhook of its creator). One
/// implementation per kind of credential; answers come from memory that follows the change feed.
/// </summary>
public interface IPrincipalSource
{
    /// <summary>The type of actor that this source knows: <c>api_key</c>, <c>user</c> or <c>token</c>.</summary>
    string ActorType { get; }

    /// <summary>The principal as the caller it would be in a workspace now; null when it is gone, revoked, or has no place there any more.</summary>
    /// <exception cref="Storage.StorageUnavailableException">The database did not answer, so nobody can say.</exception>
    ValueTask<Caller?> FindAsync(Tenant workspace, string actorId, CancellationToken cancel);
}

/// <summary>All principals, whatever their kind.</summary>
public sealed class Principals(IEnumerable<IPrincipalSource> sources)
{
    private readonly Dictionary<string, IPrincipalSource> _sources = sources.ToDictionary(s => s.ActorType, StringComparer.Ordinal);

    /// <inheritdoc cref="IPrincipalSource.FindAsync"/>
    public ValueTask<Caller?> FindAsync(Tenant workspace, string actorType, string actorId, CancellationToken cancel) =>
        _sources.TryGetValue(actorType, out var source) ? source.FindAsync(workspace, actorId, cancel) : ValueTask.FromResult<Caller?>(null);

    /// <summary>Whether a caller belongs into a workspace: it is its own, or the caller is an account master of the same organization.</summary>
    public static bool Reaches(Caller caller, Tenant workspace) =>
        caller.OrganizationId == workspace.OrganizationId && (caller.WorkspaceId == workspace.WorkspaceId || caller.IsAccount);
}
