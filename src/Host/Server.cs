using System.Net.Security;
using System.Security.Authentication;
using Crew.Audit;
using Crew.Gateway;
using Crew.Host.Docs;
using Crew.Http;
using Crew.Http.OpenApi;
using Crew.Identity;
using Crew.Kernel;
using Crew.Keys;
using Crew.Spend;
using Crew.Tenancy;
using Crew.Webhooks;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Crew.Host;

/// <summary>The web server: Kestrel, the gate, and the routes of all modules.</summary>
internal static class Server
{
    private const long MaximumBodyBytes = 32L * 1024 * 1024;

    /// <summary>A head of 32 KiB takes no longer on any line; whoever sends it letter by letter holds a connection.</summary>
    private const int HeadersSeconds = 10;

    public static Outcome<WebApplication> Build(CrewSettings settings)
    {
        var certificate = settings is { TlsCertificate: { } file, TlsKey: { } key } ? new ServerCertificate(file, key) : null;
        if (certificate?.Open() is { } unusable)
        {
            return unusable;
        }

        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ApplicationName = "crew", ContentRootPath = AppContext.BaseDirectory });
        builder.Logging.ClearProviders().AddSimpleConsole(o => o.SingleLine = true).SetMinimumLevel(LogLevel.Warning);
        builder.Logging.AddFilter("Crew", LogLevel.Information).AddFilter("Microsoft.EntityFrameworkCore", LogLevel.None)
            // It would make an activity and a log scope for every request, which nothing here reads; failures are logged by the gate.
            .AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None);
        builder.Services.PostConfigure<LoggerFilterOptions>(LogFloor.Apply);
        if (builder.Services.AddCrew(settings) is { } fault)
        {
            return fault;
        }

        builder.WebHost.UseUrls([.. settings.Urls, .. settings.MetricsUrls]);
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => Configure(kestrel, certificate));
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(settings.DrainSeconds + Drain.FarewellSeconds));
        var app = builder.Build();

        // The model of the database and the routes are each about a third of a second of a cold start, and need nothing of each other.
        _ = app.Services.GetRequiredService<Storage.Store>().PrepareAsync();
        var metricsPorts = settings.MetricsUrls.Select(u => new Uri(u.Replace("*", "localhost", StringComparison.Ordinal)).Port).ToHashSet();
        app.UseMetricsListener(metricsPorts);
        app.UseRouting();
        app.UseGate();
        var firstRun = app.Services.GetRequiredService<FirstRunFile>();
        app.Use((http, next) =>
        {
            firstRun.Used(http);
            return next(http);
        });
        app.MapHealth(settings.MetricsToken, metricsPorts);
        app.MapTenancy();
        app.MapIdentity();
        app.MapKeys();
        app.MapSpend();
        app.MapGateway();
        app.MapAudit();
        app.MapWebhooks();
        DocsPages.Map(app);
        ConsoleSite.Map(app);
        app.MapApiDocument();
        app.RequireDeclaredRoutes();
        return app;
    }

    /// <summary>Loads what the hot path keeps in memory; the store must be started.</summary>
    public static async Task<Fault?> StartModulesAsync(IServiceProvider services, CancellationToken cancel)
    {
        await services.StartKeysAsync(cancel);
        await services.StartGatewayAsync(cancel);
        if (await services.StartIdentityAsync(cancel) is { } unsigned)
        {
            return unsigned;
        }

        return (await services.StartSpendAsync(cancel)).Fault;
    }

    private static void Configure(KestrelServerOptions kestrel, ServerCertificate? certificate)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = MaximumBodyBytes;
        kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(HeadersSeconds);
        kestrel.Limits.MaxRequestHeadersTotalSize = 32 * 1024;
        kestrel.Limits.MaxConcurrentConnections = OpenFiles.MostConnections();
        if (certificate is null)
        {
            return;
        }

        var log = kestrel.ApplicationServices.GetRequiredService<ILoggerFactory>().CreateLogger("Crew.Tls");
        kestrel.ConfigureHttpsDefaults(https =>
        {
            https.SslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13;
            https.ClientCertificateMode = ClientCertificateMode.NoCertificate;

            // Kestrel asks for a selector, but a selected certificate travels without those behind it; the context brings them along.
            https.ServerCertificateSelector = (_, _) => Shown()?.TargetCertificate;
            https.OnAuthenticate = (_, handshake) =>
            {
                (handshake.ServerCertificateContext, handshake.ServerCertificateSelectionCallback) = (Shown(), null);
            };
        });

        SslStreamCertificateContext? Shown() => certificate.Current(
            broken => log.LogWarning("The certificate stays as it was, because the changed one cannot be used: {Reason}", broken.Message));
    }
}
