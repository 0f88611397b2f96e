using Crew.Kernel;
using Crew.Sealing;
using Crew.Storage;
using Crew.Tenancy.Members;
using Crew.Tenancy.Organizations;
using Crew.Tenancy.Workspaces;
using Microsoft.EntityFrameworkCore;

namespace Crew.Tenancy.Contracts;

/// <summary>What a new organization begins with.</summary>
public sealed record ProvisionedOrganization(
    string OrganizationId, string WorkspaceId, IReadOnlyDictionary<CrewEnvironment, string> Crews, string UserId, string Email);

/// <summary>Makes organizations from the command line: the only way in before anybody can sign in.</summary>
public sealed class Provisioner(Store store, StoredKeys keys, TimeProvider clock)
{
    /// <summary>Whether the installation has an organization already.</summary>
    public Task<bool> AnyAsync(CancellationToken cancel) =>
        store.ReadAsync(SystemJob.Provision, db => db.Set<Organization>().AnyAsync(cancel), cancel);

    /// <summary>Whether this is the organization that the installation began with: that of whoever runs the machine.</summary>
    public Task<bool> IsFirstAsync(string organizationId, CancellationToken cancel) => store.ReadAsync(SystemJob.Provision,
        async db => await db.Set<Organization>().OrderBy(o => o.Id).Select(o => o.Id).FirstAsync(cancel) == organizationId, cancel);

    /// <summary>The organizations with their first workspace, for the command line.</summary>
    public Task<List<(string OrganizationId, string WorkspaceId, string Name)>> ListAsync(CancellationToken cancel) =>
        store.ReadAsync(SystemJob.OperatorCommand, async db =>
        {
            var rows = await db.Set<Workspace>().Where(w => w.DeletedAt == null).OrderBy(w => w.Id)
                .Join(db.Set<Organization>(), w => w.OrganizationId, o => o.Id, (w, o) => new { o.Id, Workspace = w.Id, o.Name }).ToListAsync(cancel);
            return rows.DistinctBy(r => r.Id).Select(r => (r.Id, r.Workspace, r.Name)).ToList();
        }, cancel);

    /// <summary>
    /// Makes an organization with its first workspace (Enterprise plan), the three crews and the person who owns both. Refuses
    /// an e-mail that is not one. The same person may own several organizations.
    /// </summary>
    public async Task<Outcome<ProvisionedOrganization>> CreateAsync(string name, string email, Origin origin, CancellationToken cancel)
    {
        if (Names.Check(name) is { } nameless)
        {
            return nameless;
        }

        if (!Emails.IsValid(email))
        {
            return Faults.Invalid("email", "This is not an e-mail address. Write it as name@example.com (or owner@localhost for a trial).");
        }

        var now = clock.GetUtcNow();
        var organizationId = Id.New(IdPrefix.Organization, clock);
        var workspaceId = Id.New(IdPrefix.Workspace, clock);
        if (await keys.EnsureAsync(KeyScope.Organization, organizationId, null, null, cancel) is { } first)
        {
            return first;
        }

        if (await keys.EnsureAsync(KeyScope.Workspace, workspaceId, KeyScope.Organization, organizationId, cancel) is { } second)
        {
            return second;
        }

        return await store.ChangeAsync<ProvisionedOrganization>(SystemJob.Provision, origin, async db =>
        {
            var user = await FindOrAddUserAsync(db, email, now);
            db.Add(new Organization { Id = organizationId, OrganizationId = organizationId, Name = name, CreatedAt = now });
            db.Add(new Membership { Id = Id.New(IdPrefix.Membership, now), OrganizationId = organizationId, UserId = user, Role = Roles.OrganizationOwner, CreatedAt = now });
            var crews = NewWorkspace.Add(db, organizationId, workspaceId, "Default", "enterprise", user, now);
            db.Raise(new Event("operator.organization.created", new Resource("organization", organizationId, name)) { Log = EventLog.Installation });
            return new ProvisionedOrganization(organizationId, workspaceId, crews, user, email);
        }, cancel);
    }

    private async Task<string> FindOrAddUserAsync(Db db, string email, DateTimeOffset now)
    {
        var hash = UserSeal.EmailHash(keys.Ring, email);
        if (await db.Set<User>().SingleOrDefaultAsync(u => u.EmailHash == hash) is { } known)
        {
            db.Touch(PeopleDirectory.FeedTopic, known.Id);
            return known.Id;
        }

        var id = Id.New(IdPrefix.User, now);
        db.Add(new User
        {
            Id = id,
            EmailHash = hash,
            EmailSealed = UserSeal.SealEmail(keys.Ring, id, email),
            CreatedAt = now,
        });
        return id;
    }
}
