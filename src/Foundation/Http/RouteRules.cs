using Crew.Kernel;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;

namespace Crew.Http;

/// <summary>Who may use a route.</summary>
public enum Access
{
    Anonymous,
    Authenticated,
    Permission,
}

/// <summary>Where the crew of a request comes from.</summary>
public enum CrewSource
{
    None,
    Path,
    Body,
    Header,
}

/// <summary>What a route declares about itself. A route without access and crew source does not start.</summary>
public sealed record RouteRules(Access Access, IReadOnlyList<Permission> AnyOf, CrewSource Crew);

/// <summary>The events that a route can raise; <c>none</c> with a reason where a change is not audited by itself.</summary>
public sealed record AuditedRoute(IReadOnlyList<string> Events);

/// <summary>The resource belongs to the workspace as a whole: credentials bound to test mode, an environment or a crew get 404.</summary>
public sealed record WorkspaceLevelRoute;

/// <summary>Marks a route that takes no Idempotency-Key (gateway, OAuth, sign-in).</summary>
public sealed record NotIdempotentRoute;

/// <summary>A page outside of <c>/v1</c> that works with the database.</summary>
public sealed record PageRoute;

/// <summary>Refusals of the route's own, beside those of the way in; each has a page in docs/errors.</summary>
public sealed record RefusingRoute(IReadOnlyList<string> Codes);

/// <summary>A query parameter that the handler reads by itself.</summary>
public sealed record QueryParameter(string Name, string Description);

/// <summary>A body that works, for the reference.</summary>
public sealed record ExampleBody(string Json);

/// <summary>A body or an answer in the form of another API, passed on without a shape of our own. An empty answer is one of ours.</summary>
public sealed record ForeignShape(string Body, string Answer);

/// <summary>How slices declare what their route costs, at the place where it is mapped.</summary>
public static class RouteRulesExtensions
{
    /// <summary>Needs one of the permissions (the first is the one named in refusals).</summary>
    public static T Requires<T>(this T route, CrewSource crew, params string[] anyOf)
        where T : IEndpointConventionBuilder =>
        route.WithMetadata(new RouteRules(Access.Permission, [.. anyOf.Select(Permissions.Of)], crew));

    /// <summary>Any valid credential will do.</summary>
    public static T RequiresAuthentication<T>(this T route, CrewSource crew = CrewSource.None)
        where T : IEndpointConventionBuilder =>
        route.WithMetadata(new RouteRules(Access.Authenticated, [], crew));

    /// <summary>Open to everybody, on purpose.</summary>
    public static T AllowsAnonymous<T>(this T route)
        where T : IEndpointConventionBuilder =>
        route.WithMetadata(new RouteRules(Access.Anonymous, [], CrewSource.None));

    public static T Audited<T>(this T route, params string[] events)
        where T : IEndpointConventionBuilder =>
        route.WithMetadata(new AuditedRoute(events));

    public static T WorkspaceLevel<T>(this T route)
        where T : IEndpointConventionBuilder =>
        route.WithMetadata(new WorkspaceLevelRoute());

    /// <summary>Asks people for a recent proof of who they are (step-up).</summary>
    public static T StepUp<T>(this T route)
        where T : IEndpointConventionBuilder =>
        route.WithMetadata(new StepUpRoute(), new RefusingRoute(["step_up_required"]));

    /// <summary>A page outside of <c>/v1</c> that works with the database: its callers are counted by their address.</summary>
    public static T AsPage<T>(this T route)
        where T : IEndpointConventionBuilder =>
        route.WithMetadata(new PageRoute()).AllowsAnonymous();

    /// <summary>Names refusals that only this route gives.</summary>
    public static T Refuses<T>(this T route, params string[] codes)
        where T : IEndpointConventionBuilder =>
        route.WithMetadata(new RefusingRoute(codes));

    /// <summary>Names the query parameters that the handler reads by itself.</summary>
    public static T Takes<T>(this T route, params QueryParameter[] parameters)
        where T : IEndpointConventionBuilder =>
        route.WithMetadata([.. parameters]);

    /// <summary>Body and answer have the form of another API, said in a sentence each; an empty one is none.</summary>
    public static T PassesOn<T>(this T route, string body, string answer)
        where T : IEndpointConventionBuilder =>
        route.WithMetadata(new ForeignShape(body, answer));

    /// <summary>Shows a body that works.</summary>
    public static T Example<T>(this T route, string json)
        where T : IEndpointConventionBuilder =>
        route.WithMetadata(new ExampleBody(json));

    /// <summary>All declared routes, or the names of those that forgot to declare themselves.</summary>
    public static IReadOnlyList<string> Undeclared(this EndpointDataSource endpoints) =>
        [.. endpoints.Endpoints.OfType<RouteEndpoint>().Where(e => e.Metadata.GetMetadata<RouteRules>() is null).Select(e => e.DisplayName ?? e.RoutePattern.RawText ?? "?")];
}
