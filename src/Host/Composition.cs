using Crew.Audit;
using Crew.Audit.Contracts;
using Crew.Gateway;
using Crew.Gateway.Contracts;
using Crew.Http;
using Crew.Http.OpenApi;
using Crew.Identity;
using Crew.Kernel;
using Crew.Keys;
using Crew.Mail;
using Crew.Sealing;
using Crew.Sealing.Egress;
using Crew.Spend;
using Crew.Storage;
using Crew.Tenancy;
using Crew.Webhooks;

namespace Crew.Host;

/// <summary>Puts the modules together; shared by the server and by every command.</summary>
internal static class Composition
{
    /// <summary>The fixed list of parts. The order is the order in which schemas are applied.</summary>
    public static readonly StorageModel Model = new(
        StoredKeys.Part, HttpModule.Part, TenancyModule.Part, AuditModule.Part, SpendModule.Part, KeysModule.Part, GatewayModule.Part, IdentityModule.Part,
        WebhooksModule.Part);

    public static Fault? AddCrew(this IServiceCollection services, CrewSettings settings)
    {
        var addresses = ClientAddress.Parse(settings.TrustedProxies);
        var egress = EgressPolicy.Parse(settings.EgressAllow);
        var network = EgressNetwork.Read(settings.EgressProxy, settings.EgressNoProxy, settings.EgressProxyTarget, settings.EgressCa);
        var mail = settings.SmtpUrl is { } smtp ? SmtpSettings.Parse(smtp) : (Outcome<SmtpSettings>?)null;
        var places = settings.GeoFile is { } geo ? PlaceFile.Open(geo) : (Outcome<PlaceFile>?)null;
        if ((mail?.Fault ?? places?.Fault ?? addresses.Fault ?? egress.Fault ?? network.Fault) is { } fault)
        {
            return fault;
        }

        services.AddSingleton(TimeProvider.System);
        services.AddSingleton(settings);
        services.AddSingleton(new StoreOptions { DataFolder = settings.DataFolder, PostgresConnectionString = settings.Database });
        services.AddSingleton(s => Store.Open(s.GetRequiredService<StoreOptions>(), Model, s.GetServices<IEventSink>(), s.GetRequiredService<TimeProvider>()));
        services.AddSingleton<OpenedKeys>();
        services.AddSingleton(s => s.GetRequiredService<OpenedKeys>().Keys);
        services.AddSingleton(s => s.GetRequiredService<StoredKeys>().Ring);
        services.AddSingleton(s => new RequestHasher(
            s.GetRequiredService<KeyRing>().Version(KeyScope.Installation, WrappedKey.InstallationId, 1)!.Derive(KeyPurpose.Fingerprint).ToArray()));
        services.AddSingleton(egress.Value);
        services.AddSingleton(network.Value);
        services.AddSingleton(new GatewayOptions { PingSeconds = (double)settings.StreamPingSeconds });
        services.AddSingleton<IHostResolver, SystemHostResolver>();
        services.AddSingleton<GuardedHandlerFactory>();
        var firstRun = new FirstRunFile(settings.FirstRunFile);
        services.AddSingleton(firstRun);
        services.AddSingleton<IEventSink>(firstRun);
        services.AddHttp(addresses.Value, new DrainOptions { NoticeSeconds = settings.DrainNoticeSeconds, DeadlineSeconds = settings.DrainSeconds },
            PublicOrigin.Of(settings.PublicAddress));
        services.AddApiDocument();
        services.AddSingleton<Docs.DocsPages>();
        services.AddAudit(alerts: new AlertOptions(settings.PublicAddress, mail?.Value, places?.Value));
        services.AddTenancy();
        services.AddSpend();
        services.AddIdentity(settings.PublicAddress, mail?.Value);
        services.AddKeys(settings.GitHubScanningKeys);
        services.AddGateway();
        services.AddWebhooks();
        return null;
    }
}

/// <summary>The key hierarchy, once it has been opened. Asking earlier is a bug.</summary>
internal sealed class OpenedKeys
{
    private StoredKeys? _keys;

    public StoredKeys Keys
    {
        get => _keys ?? throw new InvalidOperationException("The key hierarchy is not open yet.");
        set => _keys = value;
    }
}
