using System.Text.Json;
using Crew.Http;
using Crew.Kernel;
using Crew.Sealing;
using Crew.Sealing.Egress;
using Crew.Storage;
using Crew.Tenancy.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Crew.Gateway.Providers;

internal static class CreateProvider
{
    internal sealed record Request(
        string? Name, string? Kind, string? BaseUrl, string? ApiVersion, IReadOnlyList<string>? Endpoints, SecretText? ApiKey, string? Owner, IReadOnlyList<string>? SharedWith,
        ProviderTimeouts? Timeouts, bool? CancelStopsBilling, int? CancelMarginTokens, DataPolicy? DataPolicy, NewClientCertificate? ClientCertificate);

    public static void Map(RouteGroupBuilder providers) =>
        providers.MapPost("/", Handle)
            .WithName("Providers.Create")
            .WithSummary("Add a provider of models. Nothing is called; its credential is sealed and never shown again.")
            .WithMetadata(new CreatedRoute())
            .Requires(CrewSource.None, "providers:write")
            .WorkspaceLevel()
            .Audited("provider.created")
            .Refuses("egress_refused")
            .Example("""{"name": "OpenAI", "kind": "openai", "base_url": "https://api.openai.com/v1", "api_key": "sk-…"}""");

    private static async Task<Reply<ProviderAnswer>> Handle(
        Body<Request> body, Call call, Store store, KeyRing ring, EgressPolicy egress, Provisioner organizations, TimeProvider clock,
        CancellationToken cancel)
    {
        if (body.Fault is { } broken)
        {
            return broken;
        }

        if ((Check(body.Value, call) ?? await ProviderAccess.CheckKeyAsync(call, body.Value.ApiKey, organizations, cancel)) is { } wrong)
        {
            return wrong;
        }

        if ((ProviderDraft.ApiVersion(body.Value.Kind!, body.Value.ApiVersion) ?? ProviderDraft.Endpoints(body.Value.Kind!, body.Value.Endpoints)) is { } unknown)
        {
            return unknown;
        }

        var url = ProviderDraft.BaseUrl(body.Value.Kind!, body.Value.BaseUrl, egress);
        if (url.Failed(out var unreachable))
        {
            return unreachable;
        }

        ClientIdentity? identity = null;
        if (body.Value.ClientCertificate is { } pair)
        {
            var read = pair.Parse(body.Value.Kind!);
            if (read.Failed(out var unusable))
            {
                return unusable;
            }

            identity = read.Value;
        }

        var provider = Make(body.Value, url.Value, call, clock.GetUtcNow());
        if (body.Value.ApiKey is { } credential)
        {
            provider.Seal(ring, credential);
        }

        provider.Seal(ring, body.Value.ClientCertificate, identity);

        var made = await store.ChangeAsync<Provider>(call.Tenant, call.Origin, db =>
        {
            db.Add(provider);
            db.Raise(ProviderAccess.Happened(provider, "provider.created",
                new FieldChange("kind", null, provider.Kind), new FieldChange("base_url", null, provider.BaseUrl)));
            ProviderAccess.Touch(db, provider);
            return Task.FromResult<Outcome<Provider>>(provider);
        }, cancel);
        return made.Failed(out var refused) ? refused : Reply<ProviderAnswer>.Created(ProviderAnswer.Of(provider), provider.Version);
    }

    private static Fault? Check(Request request, Call call)
    {
        var isOrganizational = request.Owner == "organization";
        if (request.Owner is not (null or "workspace" or "organization"))
        {
            return Faults.Invalid("owner", "owner must be workspace or organization.");
        }

        if (!isOrganizational && !call.May(Permissions.Of("providers:write")))
        {
            return Faults.InsufficientPermissions("providers:write");
        }

        if (isOrganizational && !ProviderAccess.MayWriteForOrganization(call))
        {
            return GatewayFaults.OrganizationOnly("providers:write");
        }

        return ProviderDraft.Name(request.Name) ?? ProviderDraft.Kind(request.Kind) ?? ProviderDraft.SharedWith(request.SharedWith, isOrganizational)
            ?? request.Timeouts?.Check() ?? ProviderDraft.CancelMargin(request.CancelMarginTokens) ?? ProviderDraft.Policy(request.DataPolicy);
    }

    private static Provider Make(Request request, string url, Call call, DateTimeOffset now) => new()
    {
        Id = Id.New(IdPrefix.Provider, now),
        OrganizationId = call.Workspace.OrganizationId,
        WorkspaceId = request.Owner == "organization" ? null : call.Workspace.Id,
        Name = request.Name!,
        Kind = request.Kind!,
        BaseUrl = url,
        ApiVersion = request.ApiVersion,
        Endpoints = request.Endpoints,
        SharedWith = request.SharedWith,
        Timeouts = JsonSerializer.Serialize(request.Timeouts ?? new ProviderTimeouts(), ApiJson.Options),
        CancelStopsBilling = request.CancelStopsBilling ?? false,
        CancelMarginTokens = request.CancelMarginTokens,
        DataPolicy = request.DataPolicy is { } policy ? JsonSerializer.Serialize(policy, ApiJson.Options) : null,
        CreatedAt = now,
        UpdatedAt = now,
    };
}
