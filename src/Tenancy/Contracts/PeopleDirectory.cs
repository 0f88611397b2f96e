using System.Collections.Concurrent;
using Crew.Kernel;
using Crew.Sealing;
using Crew.Storage;
using Crew.Tenancy.Members;
using Crew.Tenancy.Workspaces;
using Microsoft.EntityFrameworkCore;

namespace Crew.Tenancy.Contracts;

/// <summary>
/// People with their roles in memory, loaded at first use. Every change of a person, of a role or of a membership is fenced as that of a
/// key is: it answers when no node acts on the old state.
/// </summary>
public sealed class PeopleDirectory
{
    /// <summary>Subject of the change feed: ids of people.</summary>
    public const string FeedTopic = "people";

    /// <summary>Beyond this many all are dropped, and come back as they are needed.</summary>
    private const int MostHeld = 50_000;

    private readonly Store _store;
    private readonly Lazy<StoredKeys> _keys;
    private readonly ConcurrentDictionary<string, Held> _held = new(StringComparer.Ordinal);

    internal PeopleDirectory(Store store, Lazy<StoredKeys> keys)
    {
        (_store, _keys) = (store, keys);
        store.Feed.Follow(FeedTopic, (ids, _) =>
        {
            foreach (var id in ids)
            {
                Drop(id);
            }

            return Task.CompletedTask;
        });
    }

    /// <summary>The person, or null when there is none with that id.</summary>
    /// <exception cref="StorageUnavailableException">The database did not answer.</exception>
    public ValueTask<Person?> FindAsync(string userId, CancellationToken cancel) =>
        _held.TryGetValue(userId, out var held) ? ValueTask.FromResult<Person?>(held.Person)
        : Id.IsValid(userId, IdPrefix.User) ? LoadAsync(userId, cancel)
        : ValueTask.FromResult<Person?>(null);

    /// <summary>E-mail and name of people, for lists; ids that nobody has are left out.</summary>
    public async Task<IReadOnlyDictionary<string, Person>> FindAllAsync(IEnumerable<string> userIds, CancellationToken cancel)
    {
        var people = new Dictionary<string, Person>(StringComparer.Ordinal);
        foreach (var id in userIds.Distinct())
        {
            if (await FindAsync(id, cancel) is { } person)
            {
                people[id] = person;
            }
        }

        return people;
    }

    private async ValueTask<Person?> LoadAsync(string userId, CancellationToken cancel)
    {
        while (true)
        {
            var version = _store.Feed.Applied;
            if (await ReadAsync(userId, cancel) is not { } read)
            {
                return null;
            }

            if (_held.Count >= MostHeld)
            {
                _held.Keys.ToList().ForEach(Drop);
            }

            var held = _held.GetOrAdd(userId, read);

            // A change that was applied while we read may have found nothing to drop: then what was read may be old.
            if (_store.Feed.Applied == version)
            {
                return held.Person;
            }

            Drop(userId);
        }
    }

    private Task<Held?> ReadAsync(string userId, CancellationToken cancel) => _store.ReadAsync(SystemJob.People, async db =>
    {
        if (await db.Set<User>().AsNoTracking().SingleOrDefaultAsync(u => u.Id == userId, cancel) is not { } user)
        {
            return null;
        }

        var roles = await db.Set<Membership>().AsNoTracking().Where(m => m.UserId == userId).OrderBy(m => m.Id).ToListAsync(cancel);
        var changed = new CancellationTokenSource();
        return new Held(new Person
        {
            Id = user.Id,
            Email = UserSeal.Email(_keys.Value.Ring, user),
            Name = UserSeal.Name(_keys.Value.Ring, user),
            IsVerified = user.EmailVerifiedAt is not null,
            Roles = [.. roles.Select(RoleOf)],
            Places = await PlacesAsync(db, roles, cancel),
            Changed = changed.Token,
        }, changed);
    }, cancel);

    private static async Task<IReadOnlyList<Tenant>> PlacesAsync(Db db, List<Membership> roles, CancellationToken cancel)
    {
        var places = roles.Where(r => r.WorkspaceId is not null).Select(r => new Tenant(r.OrganizationId, r.WorkspaceId)).ToList();
        foreach (var organization in roles.Select(r => r.OrganizationId).Distinct().Where(id => places.TrueForAll(p => p.OrganizationId != id)).ToList())
        {
            if (await db.Set<Workspace>().AsNoTracking().Where(w => w.OrganizationId == organization && w.DeletedAt == null)
                .OrderBy(w => w.Id).Select(w => w.Id).FirstOrDefaultAsync(cancel) is { } first)
            {
                places.Add(new Tenant(organization, first));
            }
        }

        return places;
    }

    private void Drop(string userId)
    {
        if (_held.TryRemove(userId, out var held))
        {
            held.Changed.Cancel();
        }
    }

    private static PersonRole RoleOf(Membership membership) => new(
        membership.Id, membership.OrganizationId, membership.WorkspaceId, membership.Role,
        membership.Environments?.Select(name => CrewEnvironments.TryParse(name, out var environment)
            ? environment
            : throw new InvalidOperationException($"{membership.Id} names an unknown environment.")).ToList(),
        membership.ContentAccess);

    private sealed record Held(Person Person, CancellationTokenSource Changed);
}
