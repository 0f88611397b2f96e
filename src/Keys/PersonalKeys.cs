using Crew.Kernel;
using Crew.Tenancy.Contracts;

namespace Crew.Keys;

/// <summary>What a key that follows a person amounts to, and what that was worked out from: while these are the same, so is it.</summary>
internal sealed record KeyStanding(Caller Caller, KeyEntry Entry, Person Person, WorkspaceView Workspace);

/// <summary>
/// Works out what a key of the kind <c>user</c> may do at this moment: what the key says, and its person may. All of it comes from memory that
/// follows the change feed, so that what is taken from the person is gone from their keys when that has answered.
/// </summary>
internal sealed class PersonalKeys(PeopleDirectory people, IWorkspaceDirectory workspaces)
{
    /// <summary>The caller that the key is; null when its person does not belong to the workspace any more.</summary>
    /// <exception cref="Storage.StorageUnavailableException">The database did not answer.</exception>
    public async ValueTask<Caller?> FindAsync(KeySlot slot, KeyEntry entry, CancellationToken cancel)
    {
        var key = entry.Caller;
        if (await people.FindAsync(key.UserId!, cancel) is not { } person || await workspaces.FindAsync(key.OrganizationId, key.WorkspaceId, cancel) is not { } workspace)
        {
            return null;
        }

        if (slot.Standing is { } known && ReferenceEquals(known.Entry, entry) && ReferenceEquals(known.Person, person) && ReferenceEquals(known.Workspace, workspace))
        {
            return known.Caller;
        }

        if (person.RightsIn(workspace) is not { Role: not null } rights)
        {
            return null;
        }

        var caller = Of(key, rights);
        slot.Standing = new KeyStanding(caller, entry, person, workspace);
        return caller;
    }

    /// <summary>The role itself is not handed on: a key acts on no other person, and stands above no budget.</summary>
    private static Caller Of(Caller key, PersonRights person) => new()
    {
        Actor = key.Actor,
        OrganizationId = key.OrganizationId,
        WorkspaceId = key.WorkspaceId,
        Name = key.Name,
        Permissions = key.Permissions.Intersect(person.Permissions),
        WithheldInProduction = person.WithheldInProduction,
        Environments = person.Environments,
        LineageId = key.LineageId,
        ParentLineageIds = key.ParentLineageIds,
        Kind = KeyKind.User,
        IsTest = key.IsTest,
        Environment = key.Environment,
        CrewId = key.CrewId,
        UserId = key.UserId,
        AllowedModels = key.AllowedModels,
        AllowedNetworks = key.AllowedNetworks,
        AllowedRegions = key.AllowedRegions,
        RateLimitPerMinute = key.RateLimitPerMinute,
        TokensPerMinute = key.TokensPerMinute,
        ConcurrentStreams = key.ConcurrentStreams,
        ZeroLogging = key.ZeroLogging,
        ExpiresAt = key.ExpiresAt,
        Revoked = key.Revoked,
    };
}
