using Crew.Kernel;
using Crew.Keys.Contracts;
using Crew.Storage;
using Crew.Tenancy.Contracts;

namespace Crew.Identity.Tokens;

/// <summary>What a family amounts to, and what that was worked out from: while these are the same, so is it.</summary>
internal sealed record Standing(Caller Caller, Caller Key, LiveFamily Family, Person? Person, WorkspaceView Workspace);

/// <summary>
/// Works out what a family may do at this moment: what its key may, and its person, and what was asked for when it was minted. All of it
/// comes from memory that follows the change feed.
/// </summary>
internal sealed class TokenStanding(Store store, TokenFamilies families, IssuingKeys keys, PeopleDirectory people, IWorkspaceDirectory workspaces)
{
    /// <summary>No token mints others: their end would be nobody's.</summary>
    public static readonly PermissionSet Never = PermissionSet.Of("tokens:create");

    /// <summary>The family's standing, or why it has none.</summary>
    /// <param name="family">The family.</param>
    /// <param name="endsAt">End of what is shown: an access token's, or the family's own.</param>
    /// <param name="known">What was found before, which is returned again when nothing has changed.</param>
    /// <param name="cancel">Cancels.</param>
    public async ValueTask<Outcome<Standing>> OfAsync(LiveFamily family, DateTimeOffset endsAt, Standing? known, CancellationToken cancel)
    {
        var now = store.Node.GetUtcNow();
        if (family.IsRevoked)
        {
            return TokenFaults.Revoked;
        }

        if (endsAt <= now || family.EndsAt <= now)
        {
            return TokenFaults.Expired;
        }

        if ((await keys.FindAsync(family.KeyId, cancel)).Caller is not { } key)
        {
            return TokenFaults.Revoked;
        }

        if (await workspaces.FindAsync(family.Tenant.OrganizationId, family.Tenant.WorkspaceId!, cancel) is not { } workspace)
        {
            return TokenFaults.Invalid;
        }

        var person = family.UserId is null ? null : await people.FindAsync(family.UserId, cancel);
        if (known is not null && ReferenceEquals(known.Family, family) && ReferenceEquals(known.Key, key) && ReferenceEquals(known.Person, person)
            && ReferenceEquals(known.Workspace, workspace))
        {
            return known;
        }

        if (family.UserId is null)
        {
            return new Standing(Of(family, key, null, endsAt), key, family, null, workspace);
        }

        if (person?.RightsIn(workspace) is not { Role: not null } rights)
        {
            return TokenFaults.PersonGone;
        }

        family.Watch(LookAgainAsync, person.Changed);
        return new Standing(Of(family, key, rights, endsAt), key, family, person, workspace);
    }

    /// <summary>Ends what runs on a family whose person has left.</summary>
    private async Task LookAgainAsync(LiveFamily family)
    {
        try
        {
            if ((await OfAsync(family, family.EndsAt, null, CancellationToken.None)).Fault == TokenFaults.PersonGone)
            {
                families.Cut(family.Id);
            }
        }
        catch (StorageUnavailableException)
        {
            // Nobody can say meanwhile; the next use asks again.
        }
    }

    private static Caller Of(LiveFamily family, Caller key, PersonRights? person, DateTimeOffset endsAt)
    {
        family.DependOn(key.Revoked);
        var rights = key.Permissions.Intersect(family.Rights).Except(Never);
        return new Caller
        {
            Actor = family.Actor,
            OrganizationId = family.Tenant.OrganizationId,
            WorkspaceId = family.Tenant.WorkspaceId!,
            Name = key.Name,
            Permissions = person is null ? rights : rights.Intersect(person.Permissions),
            WithheldInProduction = key.WithheldInProduction.Union(person?.WithheldInProduction ?? PermissionSet.None),
            Environments = person?.Environments ?? key.Environments,
            LineageId = key.LineageId,
            ParentLineageIds = key.ParentLineageIds,
            Kind = person is null ? KeyKind.Service : KeyKind.User,
            IsTest = key.IsTest,
            Environment = key.Environment,
            CrewId = family.CrewId ?? key.CrewId,
            UserId = family.Subject,
            AllowedModels = key.AllowedModels,
            AllowedNetworks = key.AllowedNetworks,
            AllowedRegions = key.AllowedRegions,
            RateLimitPerMinute = key.RateLimitPerMinute,
            TokensPerMinute = key.TokensPerMinute,
            ConcurrentStreams = key.ConcurrentStreams,
            ZeroLogging = key.ZeroLogging,
            ExpiresAt = key.ExpiresAt < endsAt ? key.ExpiresAt : endsAt,
            Revoked = family.Revoked,
        };
    }
}
