using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Crew.Http;
using Crew.Identity.Accounts;
using Crew.Kernel;
using Crew.Storage;
using Crew.Tenancy.Contracts;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.Sessions;

/// <summary>Sessions as credentials: the tag of the cookie first, then the session and its person in memory, then their rights where they go.</summary>
internal sealed class SessionScheme(
    Store store, SessionIndex index, SessionBook book, PeopleDirectory people, IWorkspaceDirectory workspaces, IdentityOptions options) : ISessionScheme
{
    public int ProofMinutes => options.ProofMinutes;

    public string? Find(HttpRequest request) => SessionCookie.Read(request, options);

    public string TokenOf(string text) => TokenFor(text);

    /// <summary>A token that only who can read the cookie can make: page and script of this origin get it, nobody else does.</summary>
    public static string TokenFor(string text) => Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes($"csrf\0{text}")));

    public async ValueTask<Verification> VerifyAsync(string text, string? workspaceId, CancellationToken cancel)
    {
        if (await AliveAsync(text, cancel) is not { } session || await people.FindAsync(session.UserId, cancel) is not { } person)
        {
            return new Verification(null, IdentityFaults.SessionEnded);
        }

        var found = await FindAsync(person, workspaceId, cancel);
        if (found.Failed(out var nowhere))
        {
            return new Verification(null, nowhere);
        }

        var workspace = found.Value;
        if (person.RightsIn(workspace) is not { } rights)
        {
            return new Verification(null, Faults.NotFound);
        }

        return workspace.RequiresMfa && !session.HasSecondFactor && session.MfaDueAt <= store.Node.GetUtcNow()
            ? new Verification(null, IdentityFaults.MfaRequired, new Tenant(workspace.OrganizationId, workspace.Id), PersonEvents.ActorOf(person))
            : new Verification(session.Enter(person, workspace, rights), null);
    }

    /// <summary>The session of a cookie, if it is neither too old nor unused for too long; then it counts as used now.</summary>
    public async ValueTask<LiveSession?> AliveAsync(string? text, CancellationToken cancel)
    {
        if (await index.FindAsync(text, cancel) is not { } session)
        {
            return null;
        }

        var now = store.Node.GetUtcNow();
        var idle = TimeSpan.FromMinutes(options.IdleMinutes);
        if (session.SeenAt + idle <= now && await index.ReloadAsync(session, cancel) is var reloaded)
        {
            if (reloaded is null)
            {
                return null;
            }

            session = reloaded;
        }

        if (session.SeenAt + idle <= now || session.ExpiresAt <= now)
        {
            await ExpireAsync(session, cancel);
            return null;
        }

        session.See(now);
        return session;
    }

    /// <summary>The workspace that the request names, or the only one. A name that leads nowhere is a 404, whoever asks.</summary>
    private async ValueTask<Outcome<WorkspaceView>> FindAsync(Person person, string? workspaceId, CancellationToken cancel)
    {
        if (workspaceId is null && person.Places.Count != 1)
        {
            return person.Places.Count == 0 ? IdentityFaults.NoWorkspace : IdentityFaults.WorkspaceRequired([.. person.Places.Select(p => p.WorkspaceId!)]);
        }

        // A role of the organization reaches all of its workspaces; which one this is of, the directory says.
        foreach (var organization in person.Roles.Select(r => r.OrganizationId).Distinct())
        {
            if (await workspaces.FindAsync(organization, workspaceId ?? person.Places[0].WorkspaceId!, cancel) is { } workspace)
            {
                return workspace;
            }
        }

        return Faults.NotFound;
    }

    private async Task ExpireAsync(LiveSession session, CancellationToken cancel)
    {
        var person = await people.FindAsync(session.UserId, cancel);
        await store.ChangeAsync<bool>(SystemJob.People, Origin.System, async db =>
        {
            if (await SessionBook.Live(db, session.UserId).SingleOrDefaultAsync(s => s.Id == session.Id, CancellationToken.None) is { } row)
            {
                book.End(db, row);
                PersonEvents.Raise(db, person, new Event("auth.session.expired", new Resource("session", row.Id)));
            }

            return true;
        }, cancel);
    }
}
