using Crew.Http;
using Crew.Kernel;

namespace Crew.Identity.Tokens;

/// <summary>User tokens as principals of work behind a request: as long as their family lives.</summary>
internal sealed class TokenPrincipals(TokenFamilies families, TokenStanding standing) : IPrincipalSource
{
    public string ActorType => "token";

    public async ValueTask<Caller?> FindAsync(Tenant workspace, string actorId, CancellationToken cancel)
    {
        if (await families.FindAsync(actorId, cancel) is not { } family)
        {
            return null;
        }

        var judged = await standing.OfAsync(family, family.EndsAt, null, cancel);
        return judged.Fault is null && Principals.Reaches(judged.Value.Caller, workspace) ? judged.Value.Caller : null;
    }
}
