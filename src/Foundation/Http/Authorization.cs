using Crew.Kernel;
using Microsoft.AspNetCore.Http;

namespace Crew.Http;

/// <summary>Whether the caller may use the route: workspace, level, permission, recent proof and crew, as the route declares them.</summary>
internal static class Authorization
{
    /// <summary>An account master manages a suspended workspace, but nobody spends its money.</summary>
    private static readonly Permission Invoke = Permissions.Of("models:invoke");

    public static Fault? Of(Call call, RouteRules rules, Endpoint endpoint, DateTimeOffset proofAfter)
    {
        var caller = call.Caller;
        if (call.Workspace.Suspended && (!caller.IsAccount || IsInvocation(rules)))
        {
            return HttpFaults.WorkspaceSuspended;
        }

        if (!caller.SeesWorkspaceLevel && endpoint.Metadata.GetMetadata<WorkspaceLevelRoute>() is not null)
        {
            return Faults.NotFound;
        }

        if (rules.Access == Access.Permission && !call.MayAny(rules.AnyOf))
        {
            return Faults.InsufficientPermissions(rules.AnyOf[0].ToString());
        }

        // A key has nothing to prove itself by; a token stands for somebody who is not here to do it.
        if (endpoint.Metadata.GetMetadata<StepUpRoute>() is not null && (caller.ProvedAt <= proofAfter || caller.Actor.Type == "token"))
        {
            return HttpFaults.StepUpRequired;
        }

        return ChooseCrew(call) ?? RefuseInProduction(call, rules);
    }

    /// <summary>Some roles hold less in production, which shows once the crew is known.</summary>
    private static Fault? RefuseInProduction(Call call, RouteRules rules)
    {
        var withheld = call.Caller.WithheldInProduction;
        if (withheld.IsEmpty || rules.Access != Access.Permission || call.CrewId is not { } crew
            || call.Workspace.Crews.GetValueOrDefault(crew) != CrewEnvironment.Production)
        {
            return null;
        }

        return rules.AnyOf.Any(p => call.May(p) && !withheld.Has(p)) ? null : Faults.InsufficientPermissions(rules.AnyOf[0].ToString());
    }

    public static bool IsInvocation(RouteRules rules) => rules.AnyOf is [var only] && only == Invoke;

    /// <summary>The crew of the request: the one that the credential is bound to, or the one in the header.</summary>
    private static Fault? ChooseCrew(Call call)
    {
        var caller = call.Caller;
        call.CrewId = caller.CrewId;
        if (call.Http.Request.Headers["X-Crew-Id"].ToString() is { Length: > 0 } crewId)
        {
            if (!call.Workspace.Crews.TryGetValue(crewId, out var environment) || !caller.Sees(crewId, environment))
            {
                return Faults.NotFound;
            }

            call.CrewId = crewId;
        }

        if (call.CrewId is not null && call.Origin.TakeAccess() is { } access)
        {
            call.Origin.Owe(access with { CrewId = call.CrewId, WithoutPlace = call.IsZeroLogging });
        }

        return null;
    }
}
