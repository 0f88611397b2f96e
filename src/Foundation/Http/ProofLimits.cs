using Crew.Kernel;

namespace Crew.Http;

/// <summary>Marks an anonymous route whose body proves who calls (a refresh token): it is counted for who that is, and failures for the address.</summary>
public sealed record ProvesItselfRoute;

/// <summary>The rate limits of routes that prove by their body who calls.</summary>
public sealed class ProofLimits
{
    private readonly RateLimiter _limiter;

    internal ProofLimits(RateLimiter limiter) => _limiter = limiter;

    /// <summary>Counts a proof that failed against the caller's address.</summary>
    public Fault? Failed(Call call)
    {
        var decision = _limiter.Take(call.Address);
        decision.WriteTo(call.Http.Response.Headers);
        return decision.Allowed ? null : HttpFaults.RateLimited(decision.RetryAfterSeconds, "address");
    }

    /// <summary>Counts a request against the workspace and the credential that it has proved.</summary>
    public async ValueTask<Fault?> CountAsync(Call call, WorkspaceView workspace, Caller caller)
    {
        var (counted, scope) = await _limiter.TakeAsync(workspace, caller);
        if (counted.Failed(out var uncounted))
        {
            return uncounted;
        }

        counted.Value.WriteTo(call.Http.Response.Headers);
        return counted.Value.Allowed ? null : HttpFaults.RateLimited(counted.Value.RetryAfterSeconds, scope);
    }
}
