using Crew.Kernel;
using Crew.Storage;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;

namespace Crew.Http;

/// <summary>
/// The one way in. Each request passes, in this order:
/// <code>
///   1 request id, dialect, version     4 rate limit (workspace and credential)
///   2 authenticate → Caller            5 authorize: environment, permission, crew
///   3 IP allowlist                     6 idempotency → handler
/// </code>
/// A refusal at any step is written in the dialect of the path. Nothing behind this class sees an unauthenticated request
/// unless its route says <c>AllowsAnonymous</c>.
/// </summary>
internal sealed partial class RequestGate(
    RequestDelegate next, IEnumerable<ICredentialScheme> schemes, IEnumerable<ISessionScheme> people, IWorkspaceDirectory workspaces, RateLimiter limiter,
    ClientAddress addresses, RefusalLog refusals, WebOrigins origins, IdempotencyStore idempotency, IAccessTrail trail,
    DatabaseWatch database, DiskWatch disk, Metrics metrics, Drain drain, Store store,
    TimeProvider clock, ILogger<RequestGate> log)
{
    /// <summary>Not a refusal: the answer to a preflight is all in its headers.</summary>
    private static readonly Fault Preflight = new("preflight", StatusCodes.Status204NoContent, "");

    private readonly ICredentialScheme[] _schemes = [.. schemes];
    private readonly ISessionScheme? _people = people.FirstOrDefault();

    public async Task InvokeAsync(HttpContext http)
    {
        var started = clock.GetTimestamp();
        var request = http.Request;
        var dialect = Dialects.Of(request.Path.Value, request.Headers.ContainsKey("anthropic-version"));
        var call = new Call(http, Id.New(IdPrefix.Request, clock), dialect, addresses.Of(http)) { Trail = trail, Stopping = drain.Deadline };
        http.Features.Set(call);
        PathCase.Hold(http);
        var headers = http.Response.Headers;
        headers["X-Request-Id"] = call.RequestId;
        headers.XContentTypeOptions = "nosniff";
        if (drain.IsDraining)
        {
            // The next request finds another server, or this one's listener closed.
            headers.Connection = "close";
        }

        if (dialect is Dialect.Anthropic or Dialect.OpenAi)
        {
            headers["request-id"] = call.RequestId;
        }

        try
        {
            var refusal = await AdmitAsync(call);
            if (ReferenceEquals(refusal, Preflight))
            {
                http.Response.StatusCode = StatusCodes.Status204NoContent;
            }
            else if (refusal is not null)
            {
                await ErrorWriter.RefuseAsync(call, refusal);
            }
            else if (call.Replay is { } replay)
            {
                headers["Idempotency-Replayed"] = "true";
                await ReplyWriter.WriteAsync(call, replay.Status, "application/json; charset=utf-8", replay.Body);
            }
            else
            {
                await next(http);
            }
        }
        catch (Exception error)
        {
            await HandleAsync(call, error);
        }

        Finish(call, started);
    }

    private void Finish(Call call, long started)
    {
        var http = call.Http;
        var endpoint = (http.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText ?? "unmatched";
        metrics.Count(http.Request.Method, endpoint, http.Response.StatusCode, clock.GetElapsedTime(started));
        if (call.CallerOrNull is { } caller)
        {
            // An address that is not to be kept is not handed on either.
            var address = call.IsZeroLogging ? System.Net.IPAddress.None : call.Address;
            foreach (var scheme in _schemes)
            {
                scheme.Used(caller, endpoint, http.Response.StatusCode, address, clock.GetUtcNow());
            }
        }
    }

    private async Task HandleAsync(Call call, Exception error)
    {
        var fault = error switch
        {
            OperationCanceledException when call.Aborted.IsCancellationRequested => null,
            StorageUnavailableException => Faults.StorageUnavailable,
            BadHttpRequestException { StatusCode: 413 } => HttpFaults.BodyTooLarge,
            BadHttpRequestException => HttpFaults.InvalidJson("The request is not well-formed HTTP or its body ended early."),
            _ => HttpFaults.Internal,
        };
        if (fault is null)
        {
            return;
        }

        if (fault == HttpFaults.Internal)
        {
            // The type and place only: a message may hold what the caller sent.
            Unexpected(log, call.RequestId, error.GetType().FullName ?? "?", error.StackTrace ?? "");
        }

        await ErrorWriter.RefuseAsync(call, fault);
    }

    private async ValueTask<Fault?> AdmitAsync(Call call)
    {
        var http = call.Http;
        var endpoint = http.GetEndpoint();
        var rules = endpoint?.Metadata.GetMetadata<RouteRules>();
        if (!http.Request.Path.StartsWithSegments("/v1"))
        {
            return endpoint is null ? Faults.NotFound
                : endpoint.Metadata.GetMetadata<PageRoute>() is null ? null
                : LimitByAddress(call) ?? await RefuseCutOffAsync(call);
        }

        if (await origins.AdmitAsync(call))
        {
            return LimitByAddress(call) ?? Preflight;
        }

        if (http.Request.Headers.TryGetValue("X-Crew-Version", out var version) && version.ToString() is var wanted && wanted != HttpFaults.ApiVersion)
        {
            LimitByAddress(call);
            return HttpFaults.UnknownVersion;
        }

        http.Response.Headers["X-Crew-Version"] = HttpFaults.ApiVersion;
        if (rules is null || rules.Access == Access.Anonymous)
        {
            return endpoint?.Metadata.GetMetadata<ProvesItselfRoute>() is not null ? await AdmitProofAsync(call)
                : LimitByAddress(call) ?? (rules is not null ? null : endpoint is null ? Faults.NotFound : await RefuseMethodAsync(http, endpoint));
        }

        if (await RefuseCutOffAsync(call) is { } cutOff)
        {
            return cutOff;
        }

        if (await AuthenticateAsync(call) is { } unknown)
        {
            return LimitByAddress(call) ?? unknown;
        }

        if (!IsAllowedNetwork(call))
        {
            LimitByAddress(call);
            refusals.Known(call.Tenant, call.Origin, "auth.failed", HttpFaults.IpNotAllowed.Code);
            return HttpFaults.IpNotAllowed;
        }

        return await LimitByCallerAsync(call) ?? Authorization.Of(call, rules, endpoint!, ProofAfter())
            ?? disk.Refuse(call, Authorization.IsInvocation(rules)) ?? await idempotency.BeginAsync(call, endpoint!);
    }

    /// <summary>Since when a proof of who somebody is counts as recent.</summary>
    private DateTimeOffset ProofAfter() => clock.GetUtcNow().AddMinutes(-(_people?.ProofMinutes ?? 0));

    /// <summary>What this node keeps in memory is not to be acted upon while it cannot know what has changed.</summary>
    private async ValueTask<Fault?> RefuseCutOffAsync(Call call)
    {
        if (await database.IsThereAsync(call.Aborted) && store.Node.IsLive)
        {
            return null;
        }

        limiter.Look(call.Address).WriteTo(call.Http.Response.Headers);
        return store.Node.IsLive ? Faults.StorageUnavailable : HttpFaults.NodeCutOff;
    }

    /// <summary>Who proves by the body who they are is counted by the route; until then the headers show the address.</summary>
    private ValueTask<Fault?> AdmitProofAsync(Call call)
    {
        limiter.Look(call.Address).WriteTo(call.Http.Response.Headers);
        return RefuseCutOffAsync(call);
    }

    /// <summary>
    /// Routing ends a wrong method in an endpoint of its own, which knows the methods of the path: it writes Allow (RFC 9110,
    /// section 15.5.6).
    /// </summary>
    private static async ValueTask<Fault> RefuseMethodAsync(HttpContext http, Endpoint endpoint)
    {
        if (endpoint.RequestDelegate is { } refuse)
        {
            await refuse(http);
        }

        return HttpFaults.MethodNotAllowed;
    }

    private async ValueTask<Fault?> AuthenticateAsync(Call call)
    {
        var request = call.Http.Request;
        if (Credential.Find(request, out var text) is { } ambiguous)
        {
            if (ambiguous != HttpFaults.KeyInUrl || !await NoteLeaksAsync(call))
            {
                refusals.Unknown(call, ambiguous.Code);
            }

            return ambiguous;
        }

        if (_people?.Find(request) is { } cookie)
        {
            return text is null ? await EnterByCookieAsync(call, _people, cookie) : HttpFaults.AmbiguousCredentials;
        }

        if (text is null)
        {
            refusals.Unknown(call, "no_credential");
            return HttpFaults.MissingCredential;
        }

        var scheme = Array.Find(_schemes, s => s.Accepts(text));
        if (scheme is null)
        {
            refusals.Unknown(call, "invalid_api_key");
            return HttpFaults.MissingCredential with { Message = "This is not an API key of this installation. Check that it was copied whole." };
        }

        var verification = await scheme.VerifyAsync(text, call.Aborted);
        return verification.Fault is null ? await EnterAsync(call, verification.Caller!) : Note(call, verification);
    }

    /// <summary>A person comes by the cookie of their session: then a change must come from this origin.</summary>
    private async ValueTask<Fault?> EnterByCookieAsync(Call call, ISessionScheme scheme, string cookie)
    {
        var request = call.Http.Request;
        var verification = await scheme.VerifyAsync(cookie, request.Headers["X-Crew-Workspace"].ToString() is { Length: > 0 } named ? named : null, call.Aborted);
        if (verification.Fault is not null)
        {
            return Note(call, verification);
        }

        call.CsrfToken = scheme.TokenOf(cookie);
        if (!CrossSite.MayChange(request, call.CsrfToken))
        {
            refusals.Known(verification.Caller!.Tenant, call.OriginOf(verification.Caller.Actor), "auth.failed", HttpFaults.CrossSiteRequest.Code);
            return HttpFaults.CrossSiteRequest;
        }

        return await EnterAsync(call, verification.Caller!);
    }

    private Fault? Note(Call call, Verification refused)
    {
        var fault = refused.Fault!;
        if (refused is { Tenant: { } tenant, Actor: { } actor })
        {
            refusals.Known(tenant, call.OriginOf(actor), "auth.failed", fault.Details?.GetValueOrDefault("reason") as string ?? fault.Code);
        }
        else
        {
            refusals.Unknown(call, fault.Code);
        }

        return fault;
    }

    /// <summary>
    /// Tells the workspaces of the keys in the query string, and ends those keys where their workspace says so. The answer is the same
    /// for a key that nobody has. False when none is known.
    /// </summary>
    private async ValueTask<bool> NoteLeaksAsync(Call call)
    {
        var isKnown = false;
        foreach (var text in Credential.InUrl(call.Http.Request))
        {
            if (Array.Find(_schemes, s => s.Accepts(text)) is not { } scheme)
            {
                continue;
            }

            var seen = await scheme.VerifyAsync(text, call.Aborted);
            if ((seen.Tenant ?? seen.Caller?.Tenant) is not { } tenant || (seen.Actor ?? seen.Caller?.Actor) is not { } actor)
            {
                continue;
            }

            isKnown = true;
            var origin = call.OriginOf(actor);
            refusals.Known(tenant, origin, "api_key.leaked", HttpFaults.KeyInUrl.Code);
            if (seen.Caller is { } caller
                && await workspaces.FindAsync(caller.OrganizationId, caller.WorkspaceId, call.Aborted) is { RevokeKeysSeenInUrls: true })
            {
                await scheme.LeakedAsync(caller, origin, HttpFaults.KeyInUrl.Code);
            }
        }

        return isKnown;
    }

    /// <summary>
    /// Puts the caller into its own workspace, and an account master then into the one of its organization that it chose. A choice of
    /// nothing is refused only after that, so that the use of the key is on record at home.
    /// </summary>
    private async ValueTask<Fault?> EnterAsync(Call call, Caller caller)
    {
        if (await workspaces.FindAsync(caller.OrganizationId, caller.WorkspaceId, call.Aborted) is not { } home)
        {
            return Faults.NotFound;
        }

        (call.CallerOrNull, call.Home, call.Workspace, call.Tenant) = (caller, home, home, caller.Tenant);
        call.Origin = call.OriginOf(caller.Actor, caller.Revoked);
        var isNowhere = false;
        if (caller.IsAccount && call.Http.Request.Headers["X-Crew-Workspace"].ToString() is { Length: > 0 } chosen && chosen != home.Id)
        {
            isNowhere = true;
            if (await workspaces.FindAsync(caller.OrganizationId, chosen, call.Aborted) is { } other)
            {
                (call.Workspace, call.Tenant, isNowhere) = (other, new Tenant(caller.OrganizationId, chosen), false);
            }
        }

        if (caller.SessionId is not null)
        {
            return null;
        }

        var isToken = caller.Actor.Type == "token";
        if (isToken ? origins.Refuse(call.Http.Request, home) is not null : call.Http.Request.Headers.Origin.Count > 0)
        {
            var fault = isToken ? HttpFaults.OriginNotAllowed : HttpFaults.KeyInBrowser;
            refusals.Known(call.Tenant, call.Origin, isToken ? "auth.failed" : "api_key.leaked", fault.Code);
            return fault;
        }

        call.Origin.Owe(new Event(isToken ? "token.used" : "api_key.used", new Resource("endpoint",
            $"{call.Http.Request.Method} {(call.Http.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText}"))
        { WithoutPlace = call.IsZeroLogging });
        return isNowhere && IsAllowedNetwork(call) ? Faults.NotFound : null;
    }

    /// <summary>Choosing another workspace does not lead around the list of the one that the key belongs to.</summary>
    private static bool IsAllowedNetwork(Call call) =>
        AllowedNetworks.Hold(call.Workspace, call.Caller, call.Address) && AllowedNetworks.Hold(call.Home, call.Caller, call.Address);

    private Fault? LimitByAddress(Call call)
    {
        var decision = limiter.Take(call.Address);
        decision.WriteTo(call.Http.Response.Headers);
        return decision.Allowed ? null : HttpFaults.RateLimited(decision.RetryAfterSeconds, "address");
    }

    private async ValueTask<Fault?> LimitByCallerAsync(Call call)
    {
        var (counted, scope) = await limiter.TakeAsync(call.Workspace, call.Caller);
        if (counted.Failed(out var uncounted))
        {
            limiter.Look(call.Address).WriteTo(call.Http.Response.Headers);
            return uncounted;
        }

        var decision = counted.Value;
        decision.WriteTo(call.Http.Response.Headers);
        if (decision.Allowed)
        {
            return null;
        }

        call.Origin.TakeAccess();
        refusals.Known(call.Tenant, call.Origin, "rate_limit.exceeded", scope);
        return HttpFaults.RateLimited(decision.RetryAfterSeconds, scope);
    }

    [LoggerMessage(1, LogLevel.Error, "Unexpected failure in {RequestId}: {ErrorType}\n{Stack}")]
    private static partial void Unexpected(ILogger log, string requestId, string errorType, string stack);
}
