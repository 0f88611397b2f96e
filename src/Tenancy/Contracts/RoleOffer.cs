using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Crew.Tenancy.Members;
using Microsoft.EntityFrameworkCore;

namespace Crew.Tenancy.Contracts;

/// <summary>A role that somebody is to have, in a workspace or (an organization's role) in the organization, after it was checked.</summary>
/// <param name="Environments">What it is narrowed to; null is all.</param>
public sealed record RoleOffer(string Role, IReadOnlyList<CrewEnvironment>? Environments, bool ContentAccess)
{
    /// <summary>Whether it is a role of the organization, not of one workspace.</summary>
    public bool IsOfOrganization => Roles.OfOrganization.Contains(Role);

    /// <summary>
    /// Checks that there is such a role, and that the caller may give it: nobody gives what is above them, or more than they have.
    /// </summary>
    public static Outcome<RoleOffer> Check(Call call, string? role, IReadOnlyList<string>? environments, bool? contentAccess)
    {
        if (role is null || !(Roles.OfWorkspace.Contains(role) || Roles.OfOrganization.Contains(role)))
        {
            return Faults.Invalid("role", $"role must be one of {string.Join(", ", Roles.OfWorkspace.Concat(Roles.OfOrganization))}.");
        }

        var reached = Reached(environments);
        if (reached.Failed(out var wrong))
        {
            return wrong;
        }

        var offer = new RoleOffer(role, reached.Value, contentAccess ?? true);
        if (offer.IsOfOrganization && (offer.Environments is not null || !offer.ContentAccess))
        {
            return Faults.Invalid("environments", "A role of the organization reaches no crews and no content, so there is nothing to narrow.");
        }

        return offer.Refuse(call) is { } above ? above : offer;
    }

    /// <summary>Why the caller may not give this role, or take it away; null when they may.</summary>
    public Fault? Refuse(Call call) => Refuse(call.Caller, call.Workspace);

    /// <summary>Whether somebody may give this role at this moment: what they have offered falls with their own right to it.</summary>
    /// <param name="workspace">Where; null for a role of the organization.</param>
    public bool MayBeGivenBy(Person person, string organizationId, WorkspaceView? workspace)
    {
        var held = person.Roles.Where(r => r.WorkspaceId is null && r.OrganizationId == organizationId).Select(r => r.Role).ToList();
        var rights = workspace is null ? null : person.RightsIn(workspace);
        var giver = new Caller
        {
            Actor = new Actor("user", person.Id),
            OrganizationId = organizationId,
            WorkspaceId = workspace?.Id ?? "",
            Permissions = rights?.Permissions ?? PermissionSet.None,
            OrganizationPermissions = held.Aggregate(PermissionSet.None, (set, role) => set.Union(Roles.InOrganization(role))),
            IsAccount = held.Contains(Roles.OrganizationOwner),
            Role = rights?.Role,
            Environments = rights?.Environments,
        };
        return MayBeGivenBy(giver, workspace);
    }

    /// <inheritdoc cref="MayBeGivenBy(Person, string, WorkspaceView)"/>
    public bool MayBeGivenBy(Caller giver, WorkspaceView? workspace) => workspace is null
        ? People.MayActOn(giver, Role)
        : giver.SeesWorkspaceLevel && (giver.IsAccount || giver.Permissions.Has(Permissions.Of("members:write"))) && Refuse(giver, workspace) is null;

    private Fault? Refuse(Caller caller, WorkspaceView workspace)
    {
        if (!People.MayActOn(caller, Role))
        {
            return Faults.InsufficientPermissions(IsOfOrganization ? Roles.OrganizationOwner : Role);
        }

        if (IsOfOrganization || caller.IsAccount)
        {
            return null;
        }

        var content = ContentAccess ? PermissionSet.None : Roles.Content;
        foreach (var environment in Environments ?? CrewEnvironments.All)
        {
            var beyond = Roles.InWorkspace(Role, environment, workspace.MembersMayEditProduction, workspace.ViewersMayReadTranscripts)
                .Except(content).Except(caller.Permissions);
            if (!beyond.IsEmpty)
            {
                return Faults.InsufficientPermissions(beyond.ToNames()[0]);
            }
        }

        return null;
    }

    /// <summary>
    /// Gives the role to a person, inside a transaction of <see cref="SystemJob.People"/>. Whoever has a role there already keeps it: an
    /// invitation never takes a role away.
    /// </summary>
    /// <param name="most">How many people the plan allows.</param>
    public async Task<Fault?> GiveAsync(Db db, string organizationId, string? workspaceId, string userId, int most, DateTimeOffset now)
    {
        var place = db.Set<Membership>().Where(m => m.OrganizationId == organizationId && m.WorkspaceId == workspaceId);
        if (await place.AnyAsync(m => m.UserId == userId && (!IsOfOrganization || m.Role == Role)))
        {
            return new Fault("already_member", 409, "This person has a role there already. Change that with PATCH /v1/members/{id}.");
        }

        if (!IsOfOrganization && await place.CountAsync() >= most)
        {
            return Faults.QuotaExceeded("max_members", most);
        }

        db.Add(new Membership
        {
            Id = Id.New(IdPrefix.Membership, now),
            OrganizationId = organizationId,
            WorkspaceId = workspaceId,
            UserId = userId,
            Role = Role,
            Environments = Environments?.Select(e => e.ToName()).ToList(),
            ContentAccess = ContentAccess,
            CreatedAt = now,
        });
        db.Touch(PeopleDirectory.FeedTopic, userId);
        return null;
    }

    private static Outcome<IReadOnlyList<CrewEnvironment>?> Reached(IReadOnlyList<string>? names)
    {
        if (names is null)
        {
            return Everywhere;
        }

        var reached = new List<CrewEnvironment>();
        foreach (var name in names)
        {
            if (!CrewEnvironments.TryParse(name, out var environment))
            {
                return Faults.Invalid("environments", "environments must be a list of development, staging and production, or null for all.");
            }

            reached.Add(environment);
        }

        return reached.Count is 0 or > 3 || reached.Distinct().Count() != reached.Count
            ? Faults.Invalid("environments", "environments must name one to three, each once, or be null for all.")
            : new Outcome<IReadOnlyList<CrewEnvironment>?>(reached);
    }

    private static Outcome<IReadOnlyList<CrewEnvironment>?> Everywhere => new((IReadOnlyList<CrewEnvironment>?)null);
}
