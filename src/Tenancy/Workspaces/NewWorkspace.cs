using Crew.Kernel;
using Crew.Storage;
using Crew.Tenancy.Contracts;
using Crew.Tenancy.Crews;
using Crew.Tenancy.Members;

namespace Crew.Tenancy.Workspaces;

/// <summary>What every new workspace begins with: its three crews, and an Owner.</summary>
internal static class NewWorkspace
{
    public static IReadOnlyDictionary<CrewEnvironment, string> Add(
        Db db, string organizationId, string workspaceId, string name, string plan, string ownerId, DateTimeOffset now)
    {
        db.Add(new Workspace
        {
            Id = workspaceId,
            OrganizationId = organizationId,
            Name = name,
            Plan = plan,
            Settings = new WorkspaceSettings().ToJson(),
            CreatedAt = now,
        });
        var crews = CrewEnvironments.All.ToDictionary(e => e, e => Id.New(IdPrefix.Crew, now));
        foreach (var (environment, id) in crews)
        {
            var label = environment.ToName();
            db.Add(new WorkspaceCrew { Id = id, WorkspaceId = workspaceId, Name = char.ToUpperInvariant(label[0]) + label[1..], Environment = environment, CreatedAt = now });
        }

        db.Add(new Membership
        {
            Id = Id.New(IdPrefix.Membership, now),
            OrganizationId = organizationId,
            WorkspaceId = workspaceId,
            UserId = ownerId,
            Role = Roles.Owner,
            CreatedAt = now,
        });
        db.Raise(new Event("workspace.created", new Resource("workspace", workspaceId, name)) { Tenant = new Tenant(organizationId, workspaceId) });
        db.Touch(WorkspaceDirectory.FeedTopic, workspaceId);
        db.Touch(PeopleDirectory.FeedTopic, ownerId);
        return crews;
    }
}
