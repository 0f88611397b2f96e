using System.ComponentModel;
using Crew.Http;
using Crew.Kernel;
using Crew.Tenancy.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Crew.Tenancy.Members;

internal static class WhoAmI
{
    internal sealed record Principal(string Type, string Id, string Name, string Kind, string? KeyLast4,
        bool Account, string? Mode, CrewEnvironment? Environment, string? CrewId, DateTimeOffset? ExpiresAt, string? UserId);

    /// <summary>What bounds this credential's calls: of the workspace, of the crew that it named or is bound to, and its own.</summary>
    internal sealed record Limits(
        int RequestsPerMinute, int? KeyRequestsPerMinute, int? TokensPerMinute, int? CrewTokensPerMinute, int? KeyTokensPerMinute,
        int? ConcurrentStreams, int? CrewConcurrentStreams, int? KeyConcurrentStreams);

    internal sealed record Place(string Id, string Name, string OrganizationId, string? Role);

    internal sealed record Answer(
        Principal Principal, string OrganizationId, string WorkspaceId, string WorkspaceName, IReadOnlyList<string> Permissions,
        IReadOnlyList<string> OrganizationPermissions, IReadOnlyList<string>? AllowedModels, Limits Limits, string? Role, string? SessionId, string? CsrfToken,
        [property: Description("Of a session: where else the person may go with it (X-Crew-Workspace).")] IReadOnlyList<Place>? Workspaces);

    public static void Map(IEndpointRouteBuilder app) =>
        app.MapGet("/v1/me", Handle)
            .WithName("Me.Read")
            .WithSummary("Who this credential is, what it may do, and its limits.")
            .WithTags("Me")
            .RequiresAuthentication();

    private static async Task<Reply<Answer>> Handle(Call call, PeopleDirectory people, IWorkspaceDirectory workspaces)
    {
        var caller = call.Caller;
        var bound = caller.Environment is not null || caller.CrewId is not null;
        var principal = new Principal(
            caller.Actor.Type, caller.Actor.Id, caller.Name, caller.Kind.ToString().ToLowerInvariant(), caller.Actor.KeyLast4, caller.IsAccount,
            bound || caller.SessionId is not null ? null : caller.IsTest ? "test" : "live", caller.Environment, caller.CrewId, caller.ExpiresAt, caller.UserId);
        return new Answer(
            principal, caller.OrganizationId, call.Workspace.Id, call.Workspace.Name, caller.Permissions.ToNames(), caller.OrganizationPermissions.ToNames(),
            caller.AllowedModels?.Order(StringComparer.Ordinal).ToList(), LimitsOf(call),
            caller.Role, caller.SessionId, call.CsrfToken, caller.SessionId is null ? null : await PlacesAsync(caller.UserId!, call, people, workspaces));
    }

    private static async Task<List<Place>> PlacesAsync(string userId, Call call, PeopleDirectory people, IWorkspaceDirectory workspaces)
    {
        var places = new List<Place>();
        var person = await people.FindAsync(userId, call.Aborted);
        foreach (var tenant in person?.Places ?? [])
        {
            if (await workspaces.FindAsync(tenant.OrganizationId, tenant.WorkspaceId!, call.Aborted) is { } workspace)
            {
                places.Add(new Place(workspace.Id, workspace.Name, workspace.OrganizationId, person!.RightsIn(workspace)?.Role));
            }
        }

        return places;
    }

    private static Limits LimitsOf(Call call)
    {
        var (workspace, crew, caller) = (call.Workspace, call.CrewPolicy, call.Caller);
        return new Limits(
            workspace.RequestsPerMinute, caller.RateLimitPerMinute, workspace.TokensPerMinute, crew.TokensPerMinute, caller.TokensPerMinute,
            workspace.ConcurrentStreams, crew.ConcurrentStreams, caller.ConcurrentStreams);
    }
}
