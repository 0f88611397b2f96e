using Crew.Http;
using Crew.Kernel;

namespace Crew.Identity.Tokens;

/// <summary>The way in for those who prove themselves by a refresh token: the rules that the gate holds for a credential, held for a family.</summary>
internal sealed class TokenDoor(TokenFamilies families, TokenStanding standing, WebOrigins origins, ProofLimits limits, RefusalLog refusals)
{
    /// <summary>The family's standing, when it may be used by this request.</summary>
    public async ValueTask<Outcome<Standing>> EnterAsync(Call call, string familyId, CancellationToken cancel)
    {
        if (await families.FindAsync(familyId, cancel) is not { } family)
        {
            return Refuse(call, TokenFaults.Invalid);
        }

        var judged = await standing.OfAsync(family, family.EndsAt, null, cancel);
        if ((judged.Fault ?? Check(call, judged.Value)) is { } fault)
        {
            refusals.Known(family.Tenant, call.OriginOf(family.Actor, family.Revoked), "auth.failed", fault.Details?.GetValueOrDefault("reason") as string ?? fault.Code);
            return limits.Failed(call) ?? fault;
        }

        return await limits.CountAsync(call, judged.Value.Workspace, judged.Value.Caller) is { } limited ? limited : judged;
    }

    /// <summary>Records a refusal of something that belongs to no known workspace, and counts it for the address.</summary>
    public Fault Refuse(Call call, Fault fault)
    {
        refusals.Unknown(call, fault.Code);
        return limits.Failed(call) ?? fault;
    }

    private Fault? Check(Call call, Standing found) =>
        found.Workspace.Suspended ? HttpFaults.WorkspaceSuspended
        : !AllowedNetworks.Hold(found.Workspace, found.Caller, call.Address) ? HttpFaults.IpNotAllowed
        : origins.Refuse(call.Http.Request, found.Workspace);
}
