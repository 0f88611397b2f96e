using System.Net;
using Crew.Kernel;
using Crew.Storage;
using Crew.Tenancy.Contracts;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.SignIn;

/// <summary>
/// The counts of <see cref="Throttle"/> over all nodes, so that guessing at several of them is guessing at one. A node's own counts stand below, for a
/// database that takes nothing at the moment.
/// </summary>
internal sealed class SharedThrottle(Throttle own, Store store, PeopleRegister register, TimeProvider clock)
{
    /// <inheritdoc cref="Throttle.IsShut"/>
    public bool IsShut(IPAddress address, string? device) => own.IsShut(address, device);

    /// <summary>Whether an attempt is to be judged at all, inside a transaction of <see cref="SystemJob.People"/>.</summary>
    public async Task<bool> AllowsAsync(Db db, string emailHash, IPAddress address, string? device)
    {
        if (!own.Allows(emailHash, address, device))
        {
            return false;
        }

        var limits = Throttle.LimitsOf(emailHash, address, device).ToDictionary(l => register.HashOf(l.Counted), l => l.Most, StringComparer.Ordinal);
        var counted = limits.Keys.ToList();
        var since = clock.GetUtcNow() - Throttle.Window;
        var counts = await db.Set<FailureCount>().AsNoTracking().Where(c => counted.Contains(c.Counted) && c.Since > since).ToListAsync();
        return counts.TrueForAll(c => c.Failures < limits[c.Counted]);
    }

    /// <summary>Counts a failure. A database that does not take it leaves the count of this node.</summary>
    public Task FailedAsync(string emailHash, IPAddress address, string? device)
    {
        own.Failed(emailHash, address, device);
        return CountAsync(emailHash, address, device);
    }

    /// <summary>Counts a failure that this node has counted already, inside a transaction that is over now.</summary>
    public async Task CountAsync(string emailHash, IPAddress address, string? device)
    {
        foreach (var (counted, _) in Throttle.LimitsOf(emailHash, address, device))
        {
            var hash = register.HashOf(counted);

            // Two first failures at one moment meet at the key: the second one counts at its second try.
            if ((await store.ChangeAsync<bool>(SystemJob.People, Origin.System, db => AddAsync(db, hash))).Fault?.Status == 409)
            {
                await store.ChangeAsync<bool>(SystemJob.People, Origin.System, db => AddAsync(db, hash));
            }
        }
    }

    /// <summary>The person is who they say: what they mistyped here is forgotten.</summary>
    public async Task SucceededAsync(string emailHash, IPAddress address, string? device)
    {
        own.Succeeded(emailHash, address, device);
        var here = Throttle.PlacesOf(emailHash, address, device).Select(register.HashOf).ToList();
        if (await store.ReadAsync(SystemJob.People, db => db.Set<FailureCount>().AnyAsync(c => here.Contains(c.Counted))))
        {
            await store.ChangeAsync<bool>(SystemJob.People, Origin.System, async db =>
            {
                await db.Set<FailureCount>().Where(c => here.Contains(c.Counted)).ExecuteDeleteAsync();
                return true;
            });
        }
    }

    private async Task<Outcome<bool>> AddAsync(Db db, string counted)
    {
        var now = clock.GetUtcNow();
        var since = now - Throttle.Window;
        var known = db.Set<FailureCount>().Where(c => c.Counted == counted);
        if (await known.Where(c => c.Since > since).ExecuteUpdateAsync(c => c.SetProperty(p => p.Failures, p => p.Failures + 1)) == 0
            && await known.ExecuteUpdateAsync(c => c.SetProperty(p => p.Failures, 1).SetProperty(p => p.Since, now)) == 0)
        {
            db.Add(new FailureCount { Counted = counted, Failures = 1, Since = now });
        }

        return true;
    }
}
