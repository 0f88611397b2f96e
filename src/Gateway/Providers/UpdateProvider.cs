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

internal static class UpdateProvider
{
    /// <summary>
    /// Fields that are left out stay. <c>shared_with</c> and <c>endpoints</c> take null for "all", <c>client_certificate</c> and <c>cancel_margin_tokens</c> for "none",
    /// so that they are told from being left out.
    /// </summary>
    internal sealed record Request(
        string? Name, string? BaseUrl, string? ApiVersion, JsonElement Endpoints, SecretText? ApiKey, JsonElement SharedWith, ProviderTimeouts? Timeouts,
        bool? CancelStopsBilling, JsonElement CancelMarginTokens, DataPolicy? DataPolicy, JsonElement ClientCertificate);

    public static void Map(RouteGroupBuilder providers) =>
        providers.MapPatch("/{id}", Handle)
            .WithName("Providers.Update")
            .WithSummary("Change a provider. A new base_url clears the credential and the client certificate unless new ones come with it.")
            .Requires(CrewSource.None, "providers:write")
            .WorkspaceLevel()
            .Audited("provider.updated", "provider.credentials.changed")
            .Refuses("egress_refused")
            .Example("""{"name": "OpenAI, EU"}""");

    private static async Task<Reply<ProviderAnswer>> Handle(
        string id, Body<Request> body, Call call, Store store, KeyRing ring, EgressPolicy egress, Provisioner organizations, TimeProvider clock,
        CancellationToken cancel)
    {
        if (body.Fault is { } broken)
        {
            return broken;
        }

        if ((Check(body.Value) ?? await ProviderAccess.CheckKeyAsync(call, body.Value.ApiKey, organizations, cancel)) is { } wrong)
        {
            return wrong;
        }

        var changed = await store.ChangeAsync<Provider>(call.Tenant, call.Origin, async db =>
        {
            var found = await ProviderAccess.FindAsync(db, call, id, toChange: true);
            if (found.Failed(out var missing))
            {
                return missing;
            }

            var provider = found.Value;
            if ((call.CheckVersion(provider.Version) ?? Apply(db, provider, body.Value, ring, egress)) is { } refused)
            {
                return refused;
            }

            provider.Version++;
            provider.BrokenCaps = null;
            provider.UpdatedAt = clock.GetUtcNow();
            ProviderAccess.Touch(db, provider);
            return provider;
        }, cancel);
        return changed.Failed(out var fault) ? fault : Reply<ProviderAnswer>.Ok(ProviderAnswer.Of(changed.Value), changed.Value.Version);
    }

    private static Fault? Check(Request request) =>
        (request.Name is null ? null : ProviderDraft.Name(request.Name)) ?? request.Timeouts?.Check() ?? ProviderDraft.Policy(request.DataPolicy);

    private static Fault? Apply(Db db, Provider provider, Request request, KeyRing ring, EgressPolicy egress)
    {
        var changes = new List<FieldChange>();
        if (request.Name is { } name && name != provider.Name)
        {
            changes.Add(new FieldChange("name", provider.Name, name));
            provider.Name = name;
        }

        if (request.ApiVersion is { } version && version != provider.ApiVersion)
        {
            if (ProviderDraft.ApiVersion(provider.Kind, version) is { } unversioned)
            {
                return unversioned;
            }

            changes.Add(new FieldChange("api_version", provider.ApiVersion, version));
            provider.ApiVersion = version;
        }

        if (request.BaseUrl is not null && Move(db, provider, request, egress, changes) is { } unreachable)
        {
            return unreachable;
        }

        if ((Share(provider, request.SharedWith, changes) ?? Narrow(provider, request.Endpoints, changes)) is { } unknown)
        {
            return unknown;
        }

        if (request.Timeouts is { } timeouts)
        {
            provider.Timeouts = JsonSerializer.Serialize(timeouts, ApiJson.Options);
        }

        if (Promise(provider, request, changes) is { } unbelievable)
        {
            return unbelievable;
        }

        if (request.DataPolicy is { } policy)
        {
            provider.DataPolicy = JsonSerializer.Serialize(policy, ApiJson.Options);
        }

        if (request.ClientCertificate is { ValueKind: not JsonValueKind.Undefined } shown && Show(db, provider, shown, ring) is { } unusable)
        {
            return unusable;
        }

        if (request.ApiKey is { } credential)
        {
            provider.Seal(ring, credential);
            db.Raise(ProviderAccess.Happened(provider, "provider.credentials.changed"));
        }

        db.Raise(ProviderAccess.Happened(provider, "provider.updated", changes));
        return null;
    }

    /// <summary>A new destination must not inherit the credential that was given for the old one.</summary>
    private static Fault? Move(Db db, Provider provider, Request request, EgressPolicy egress, List<FieldChange> changes)
    {
        var url = ProviderDraft.BaseUrl(provider.Kind, request.BaseUrl, egress);
        if (url.Failed(out var fault))
        {
            return fault;
        }

        if (url.Value != provider.BaseUrl)
        {
            changes.Add(new FieldChange("base_url", provider.BaseUrl, url.Value));
            provider.BaseUrl = url.Value;
            if (provider.CredentialSealed is not null && request.ApiKey is null)
            {
                (provider.CredentialSealed, provider.KeyLast4) = (null, null);
                db.Raise(ProviderAccess.Happened(provider, "provider.credentials.changed") with { Reason = "destination_changed" });
            }

            // What a private key signs for one server must not be signed for another.
            (provider.ClientCertificateSealed, provider.ClientCertificate) = (null, null);
        }

        return null;
    }

    private static Fault? Show(Db db, Provider provider, JsonElement given, KeyRing ring)
    {
        var pair = NewClientCertificate.Read(given);
        if (pair.Failed(out var malformed))
        {
            return malformed;
        }

        ClientIdentity? identity = null;
        if (pair.Value is { } some)
        {
            var read = some.Parse(provider.Kind);
            if (read.Failed(out var unusable))
            {
                return unusable;
            }

            identity = read.Value;
        }

        provider.Seal(ring, pair.Value, identity);
        db.Raise(ProviderAccess.Happened(provider, "provider.credentials.changed",
            new FieldChange("client_certificate", null, identity?.Thumbprint)));
        return null;
    }

    /// <summary>What breaking off does to the provider's bill.</summary>
    private static Fault? Promise(Provider provider, Request request, List<FieldChange> changes)
    {
        if (request.CancelStopsBilling is { } stops && stops != provider.CancelStopsBilling)
        {
            changes.Add(new FieldChange("cancel_stops_billing", provider.CancelStopsBilling, stops));
            provider.CancelStopsBilling = stops;
        }

        if (request.CancelMarginTokens is not { ValueKind: not JsonValueKind.Undefined } given)
        {
            return null;
        }

        int? margin = given.ValueKind == JsonValueKind.Null ? null
            : given.ValueKind == JsonValueKind.Number && given.TryGetInt32(out var tokens) ? tokens : -1;
        if (ProviderDraft.CancelMargin(margin) is { } fault)
        {
            return fault;
        }

        changes.Add(new FieldChange("cancel_margin_tokens", provider.CancelMarginTokens, margin));
        provider.CancelMarginTokens = margin;
        return null;
    }

    private static Fault? Narrow(Provider provider, JsonElement given, List<FieldChange> changes)
    {
        if (given.ValueKind == JsonValueKind.Undefined)
        {
            return null;
        }

        string[]? endpoints;
        try
        {
            endpoints = given.Deserialize<string[]>(ApiJson.Options);
        }
        catch (JsonException)
        {
            return Faults.Invalid("endpoints", "endpoints must be a list of the endpoints that the provider has, or null for all of its kind.");
        }

        if (ProviderDraft.Endpoints(provider.Kind, endpoints) is { } fault)
        {
            return fault;
        }

        changes.Add(new FieldChange("endpoints", provider.Endpoints, endpoints));
        provider.Endpoints = endpoints;
        return null;
    }

    private static Fault? Share(Provider provider, JsonElement shared, List<FieldChange> changes)
    {
        if (shared.ValueKind == JsonValueKind.Undefined)
        {
            return null;
        }

        string[]? workspaces;
        try
        {
            workspaces = shared.Deserialize<string[]>(ApiJson.Options);
        }
        catch (JsonException)
        {
            return Faults.Invalid("shared_with", "shared_with must be a list of workspace ids or null.");
        }

        if (ProviderDraft.SharedWith(workspaces, provider.WorkspaceId is null) is { } fault)
        {
            return fault;
        }

        changes.Add(new FieldChange("shared_with", provider.SharedWith, workspaces));
        provider.SharedWith = workspaces;
        return null;
    }
}
