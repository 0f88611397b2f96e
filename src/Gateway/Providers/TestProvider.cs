using System.Net;
using Crew.Http;
using Crew.Kernel;
using Crew.Sealing;
using Crew.Sealing.Egress;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Crew.Gateway.Providers;

internal static class TestProvider
{
    private const int TestSeconds = 30;

    /// <summary>What one call of the provider's model list came to.</summary>
    internal sealed record Answer(string Id, string Result, int? Status, int Milliseconds, string Message);

    public static void Map(RouteGroupBuilder providers) =>
        providers.MapPost("/{id}/test", Handle)
            .WithName("Providers.Test")
            .WithSummary("Call the provider's model list once and say what came back. Costs no tokens.")
            .Requires(CrewSource.None, "providers:write")
            .WorkspaceLevel()
            .Audited("provider.tested");

    private static async Task<Reply<Answer>> Handle(
        string id, Call call, Store store, ProviderPool pool, GuardedHandlerFactory factory, KeyRing ring, TimeProvider clock,
        CancellationToken cancel)
    {
        var found = await store.ReadAsync(call.Tenant, db => ProviderAccess.FindAsync(db, call, id, toChange: true), cancel);
        if (found.Failed(out var missing))
        {
            return missing;
        }

        var provider = found.Value;
        var answer = await TryAsync(provider, pool.LinkOf(provider), factory, ring, clock, cancel);
        var noted = await store.ChangeAsync<bool>(call.Tenant, call.Origin, db =>
        {
            db.Raise(ProviderAccess.Happened(provider, "provider.tested") with
            {
                Outcome = answer.Result == "ok" ? "success" : "failure",
                Reason = answer.Result,
            });
            return Task.FromResult<Outcome<bool>>(true);
        }, cancel);
        return noted.Failed(out var refused) ? refused : answer;
    }

    private static async Task<Answer> TryAsync(
        Provider provider, ProviderLink link, GuardedHandlerFactory factory, KeyRing ring, TimeProvider clock, CancellationToken cancel)
    {
        if (link.IsSandbox)
        {
            return new Answer(provider.Id, "ok", 200, 0, "The sandbox answers inside this process.");
        }

        if (!link.IsReady)
        {
            return new Answer(provider.Id, "no_credential", null, 0, "The provider has no usable credential. Set api_key.");
        }

        var started = clock.GetTimestamp();
        using var client = new GuardedClient(factory, EgressPurpose.Provider, new EgressLimits { TotalTimeoutSeconds = TestSeconds }, clock,
            provider.OpenIdentity(ring));
        using var request = ProviderProtocol.Of(provider.Kind).ListModels(provider);
        request.Headers.TryAddWithoutValidation(link.CredentialHeader, link.Credential);
        var outcome = await client.Send(request, cancel);
        var took = (int)clock.GetElapsedTime(started).TotalMilliseconds;
        if (outcome.Failed(out var fault))
        {
            return new Answer(provider.Id, fault.Code, null, took, fault.Message);
        }

        return (HttpStatusCode)outcome.Value.Status switch
        {
            HttpStatusCode.OK => new Answer(provider.Id, "ok", 200, took, "The provider answered and accepts the credential."),
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => new Answer(provider.Id, "credentials_rejected", outcome.Value.Status, took,
                "The provider does not accept the credential."),
            _ => new Answer(provider.Id, "unexpected_status", outcome.Value.Status, took,
                "The provider answered, but not with its model list. Calls may still work; check base_url."),
        };
    }
}
