using Crew.Audit.Contracts;
using Crew.Http;
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
    public static IServiceCollection AddAudit(this IServiceCollection services, AuditOptions? options = null)
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
        return services;
    }

    /// <summary>Maps the routes below <c>/v1/audit-logs</c>.</summary>
    public static void MapAudit(this IEndpointRouteBuilder app)
    {
        var logs = app.MapGroup("/v1/audit-logs").WithTags("Audit log");
        ListAuditLogs.Map(logs);
        ExportAuditLogs.Map(logs);
        ReadAuditLog.Map(logs);
    }
}
