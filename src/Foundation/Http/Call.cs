using System.Net;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.AspNetCore.Http;

namespace Crew.Http;

/// <summary>What the way in has found out about the current request. Handlers take it as a parameter.</summary>
public sealed class Call
{
    internal Call(HttpContext http, string requestId, Dialect dialect, IPAddress address)
    {
        (Http, RequestId, Dialect, Address) = (http, requestId, dialect, address);
        Origin = new Origin(new Actor("anonymous", "anonymous"), address.ToString(), http.Request.Headers.UserAgent.ToString(), requestId);
    }

    public HttpContext Http { get; }

    /// <summary>Ours, always: <c>req_…</c>, in every response and record.</summary>
    public string RequestId { get; }

    public Dialect Dialect { get; }

    /// <summary>The client's address: the socket's, or what a trusted proxy reported.</summary>
    public IPAddress Address { get; }

    /// <summary>Who is calling; throws on an anonymous route.</summary>
    public Caller Caller => CallerOrNull ?? throw new InvalidOperationException("This route is anonymous.");

    public Caller? CallerOrNull { get; internal set; }

    /// <summary>The workspace that the request acts in.</summary>
    public WorkspaceView Workspace { get; internal set; } = null!;

    /// <summary>The workspace that the credential belongs to.</summary>
    internal WorkspaceView Home { get; set; } = null!;

    public Tenant Tenant { get; internal set; } = null!;

    public Origin Origin { get; internal set; }

    /// <summary>The crew named by <c>X-Crew-Id</c> or by the binding of the credential, if any.</summary>
    public string? CrewId { get; internal set; }

    /// <summary>What that crew narrows.</summary>
    public UsagePolicy CrewPolicy =>
        CrewId is { } crew && Workspace.CrewPolicies.TryGetValue(crew, out var policy) ? policy : UsagePolicy.Open;

    /// <summary>Whether the workspace, the crew or the credential keeps no IP address and user agent.</summary>
    public bool IsZeroLogging => Workspace?.ZeroLogging == true || CallerOrNull?.ZeroLogging == true || (Workspace is not null && CrewPolicy.ZeroLogging);

    /// <summary>For people: what a client that cannot say where its request comes from sends in <see cref="CrossSite.TokenHeader"/>.</summary>
    public string? CsrfToken { get; internal set; }

    /// <summary>Somebody as the author of what this request does.</summary>
    public Origin OriginOf(Actor actor, CancellationToken revoked = default) =>
        new(actor, Address.ToString(), Http.Request.Headers.UserAgent.ToString() is { Length: > 0 } agent ? agent[..Math.Min(agent.Length, 256)] : null, RequestId)
        { Revoked = revoked };

    public CancellationToken Aborted => Http.RequestAborted;

    /// <summary>Fires when the server stops and cannot wait any longer: then the request ends, in the way of its dialect.</summary>
    public CancellationToken Stopping { get; init; }

    internal IdempotencyHandle? Idempotency { get; set; }

    /// <summary>A kept answer to the same Idempotency-Key, to be sent instead of handling the request again.</summary>
    internal (int Status, byte[] Body)? Replay { get; set; }

    internal IAccessTrail? Trail { get; set; }

    /// <summary>Rights at workspace and, for account masters, organization level.</summary>
    public bool May(Permission permission) => Caller.Permissions.Has(permission) || Caller.OrganizationPermissions.Has(permission);

    /// <summary>Whether one of the rights is there.</summary>
    internal bool MayAny(IReadOnlyList<Permission> anyOf)
    {
        for (var index = 0; index < anyOf.Count; index++)
        {
            if (May(anyOf[index]))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// The record of this request's credential use, to be flushed with other rows (null when a transaction has taken it already).
    /// Whoever takes it must make it durable before the first byte of the response.
    /// </summary>
    public AppendRow? TakeAccessRow(string outcome, int status, string? reason)
    {
        if (Origin.TakeAccess() is not { } access || Trail is null)
        {
            return null;
        }

        return Trail.Row(Tenant, Origin, access with { Outcome = outcome, Reason = reason, CrewId = CrewId }, status);
    }

    /// <summary>Whether <c>If-Match</c> allows a change of this version.</summary>
    public Fault? CheckVersion(long version)
    {
        var wanted = Http.Request.Headers.IfMatch;
        return wanted.Count == 0 || wanted.ToString() == "*" || wanted.ToString().Split(',').Any(tag => tag.Trim() == ETagOf(version))
            ? null
            : Faults.VersionConflict;
    }

    internal static string ETagOf(long version) => $"\"v{version}\"";

    public static Call Of(HttpContext http) => http.Features.Get<Call>() ?? throw new InvalidOperationException("The way in was not passed.");

    /// <summary>Lets minimal API handlers take a <see cref="Call"/> parameter.</summary>
    public static ValueTask<Call?> BindAsync(HttpContext context) => ValueTask.FromResult<Call?>(Of(context));
}
