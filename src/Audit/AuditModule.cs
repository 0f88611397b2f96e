using Crew.Audit.Alerts;
using Crew.Audit.Contracts;
using Crew.Audit.Places;
using Crew.Http;
using Crew.Kernel;
using Crew.Sealing;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Crew.Audit;

/// <summary>Composition of the audit log.</summary>
public static class AuditModule
{
    public static StoragePart Part { get; } = new AuditPart();

    /// <summary>
    /// Registers the trail (as <see cref="IAccessTrail"/> and <see cref="IEventSink"/>), the sequencer and the expiry. Needs a
    /// <see cref="KeyRing"/>, a <see cref="Store"/>, a <see cref="TimeProvider"/> and the way in; the ring is taken at the first
    /// record, so it may come from the store that the sink is given to.
    /// </summary>
    /// <param name="services">The services of the host.</param>
    /// <param name="options">Limits of the log.</param>
    /// <param name="alerts">Where alerts go; null for nowhere but the list.</param>
    public static IServiceCollection AddAudit(this IServiceCollection services, AuditOptions? options = null, AlertOptions? alerts = null)
    {
        services.AddSingleton(options ?? new AuditOptions());
        services.AddSingleton(s => new PersonalSeal(new Lazy<KeyRing>(s.GetRequiredService<KeyRing>)));
        services.AddSingleton<AuditTrail>();
        services.AddSingleton<IAccessTrail>(s => s.GetRequiredService<AuditTrail>());
        services.AddSingleton<IEventSink>(s => s.GetRequiredService<AuditTrail>());
        services.AddSingleton<AuditReader>();
        services.AddSingleton(s => new InstallationLog(s.GetRequiredService<Store>(), s.GetRequiredService<KeyRing>(), s.GetRequiredService<TimeProvider>()));
        services.AddSingleton<Sequencer>();
        services.AddSingleton<IExpiry, AuditExpiry>();
        services.AddHostedService<SequencerLoop>();
        var told = alerts ?? new AlertOptions(new Uri("http://127.0.0.1/"), null, null);
        services.AddSingleton(told);
        services.AddSingleton(new PlaceNames(told.Places));
        services.AddSingleton(s => new AlertRules(new Lazy<KeyRing>(s.GetRequiredService<KeyRing>)));
        services.AddSingleton(s => new AlertDesk(s.GetRequiredService<Store>(), s.GetRequiredService<Store>().Election, s.GetRequiredService<PersonalSeal>(),
            s.GetRequiredService<PlaceNames>(), new Lazy<KeyRing>(s.GetRequiredService<KeyRing>), s.GetRequiredService<TimeProvider>()));
        services.AddSingleton(s => new AlertPost(s.GetRequiredService<Store>(), s.GetRequiredService<Store>().Election, s.GetRequiredService<AlertRules>(),
            s.GetRequiredService<IWorkspaceOwners>(), s.GetRequiredService<IWorkspaceDirectory>(), told, s.GetRequiredService<TimeProvider>()));
        services.AddHostedService<AlertLoop>();
        services.AddSingleton<IExpiry, AlertExpiry>();
        return services;
    }

    /// <summary>Maps the routes below <c>/v1/audit-logs</c>, <c>/v1/alerts</c> and <c>/v1/alert-rules</c>.</summary>
    public static void MapAudit(this IEndpointRouteBuilder app)
    {
        var logs = app.MapGroup("/v1/audit-logs").WithTags("Audit log");
        ListAuditLogs.Map(logs);
        ExportAuditLogs.Map(logs);
        ReadAuditLog.Map(logs);
        AlertRoutes.Map(app.MapGroup("/v1/alerts").WithTags("Alerts"));
        AlertRuleRoutes.Map(app.MapGroup("/v1/alert-rules").WithTags("Alerts"));
    }
}
