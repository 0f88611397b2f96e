using Crew.Gateway.Catalogue;
using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Crew.Tenancy.Contracts;
using Microsoft.EntityFrameworkCore;

namespace Crew.Gateway.Providers;

/// <summary>Who sees and changes which provider. An organization's provider is seen where it is shared and changed by organization roles only.</summary>
internal static class ProviderAccess
{
    private static readonly Permission Write = Permissions.Of("providers:write");

    public static bool MayWriteForOrganization(Call call) => call.Caller.OrganizationPermissions.Has(Write);

    public static bool Sees(Call call, Provider provider) => provider.IsSharedWith(call.Workspace.Id) || MayWriteForOrganization(call);

    /// <summary>The ids of the providers that the caller sees. They are few.</summary>
    public static async Task<IReadOnlySet<string>> VisibleAsync(Db db, Call call) =>
        (await db.Set<Provider>().AsNoTracking().ToListAsync()).Where(p => Sees(call, p)).Select(p => p.Id).ToHashSet(StringComparer.Ordinal);

    /// <summary>
    /// What is wrong with a credential. References to the machine's own secrets are for its operator: with the account master of any
    /// other organization they would send the operator's key to a server of that organization's choice.
    /// </summary>
    public static async ValueTask<Fault?> CheckKeyAsync(Call call, SecretText? key, Provisioner organizations, CancellationToken cancel)
    {
        var isOperator = key is not null && CredentialSource.IsReference(key.Reveal()) && call.Caller.IsAccount
            && await organizations.IsFirstAsync(call.Caller.OrganizationId, cancel);
        return ProviderDraft.Key(key, isOperator);
    }

    public static async Task<Outcome<Provider>> FindAsync(Db db, Call call, string id, bool toChange)
    {
        var provider = Id.IsValid(id, IdPrefix.Provider) ? await db.Set<Provider>().SingleOrDefaultAsync(p => p.Id == id) : null;
        if (provider is null || !Sees(call, provider))
        {
            return Faults.NotFound;
        }

        return toChange && provider.WorkspaceId is null && !MayWriteForOrganization(call)
            ? GatewayFaults.OrganizationOnly("providers:write")
            : provider;
    }

    /// <summary>Marks a provider as changed, for this process and others.</summary>
    public static void Touch(Db db, Provider provider)
    {
        db.Touch(ModelCatalogue.ProvidersTopic, provider.Id);
        db.Touch(ModelCatalogue.FeedTopic, provider.OwnerId);
    }

    public static Event Happened(Provider provider, string what, params IReadOnlyList<FieldChange> changes) =>
        new(what, new Resource("provider", provider.Id, provider.Name))
        {
            Changes = changes,
            Log = provider.WorkspaceId is null ? EventLog.Organization : null,
        };
}
