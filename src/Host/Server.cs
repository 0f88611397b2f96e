using System.Security.Cryptography.X509Certificates;
using Crew.Audit;
using Crew.Gateway;
using Crew.Http;
using Crew.Http.OpenApi;
using Crew.Kernel;
using Crew.Keys;
using Crew.Spend;
using Crew.Tenancy;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Crew.Host;

/// <summary>The web server: Kestrel, the gate, and the routes of all modules.</summary>
internal static class Server
{
    private const long MaximumBodyBytes = 32L * 1024 * 1024;

    public static Outcome<WebApplication> Build(CrewSettings settings)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ApplicationName = "crew", ContentRootPath = AppContext.BaseDirectory });
        builder.Logging.ClearProviders().AddSimpleConsole(o => o.SingleLine = true).SetMinimumLevel(LogLevel.Warning);
        builder.Logging.AddFilter("Crew", LogLevel.Information).AddFilter("Microsoft.EntityFrameworkCore", LogLevel.None);
        if (builder.Services.AddCrew(settings) is { } fault)
        {
            return fault;
        }

        builder.WebHost.UseUrls([.. settings.Urls, .. settings.MetricsUrls]);
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => Configure(kestrel, settings));
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(30));
        var app = builder.Build();

        // The model of the database and the routes are each about a third of a second of a cold start, and need nothing of each other.
        _ = app.Services.GetRequiredService<Storage.Store>().PrepareAsync();
        var metricsPorts = settings.MetricsUrls.Select(u => new Uri(u.Replace("*", "localhost", StringComparison.Ordinal)).Port).ToHashSet();
        app.UseMetricsListener(metricsPorts);
        app.UseRouting();
        app.UseGate();
        app.Use(async (http, next) =>
        {
            http.RequestServices.GetRequiredService<FirstRunFile>().Used(http);
            await next(http);
        });
        app.MapHealth(settings.MetricsToken, metricsPorts);
        app.MapTenancy();
        app.MapKeys();
        app.MapSpend();
        app.MapGateway();
        app.MapAudit();
        Pages.Map(app);
        app.MapApiDocument();
        app.RequireDeclaredRoutes();
        return app;
    }

    /// <summary>Loads what the hot path keeps in memory; the store must be started.</summary>
    public static async Task<Fault?> StartModulesAsync(IServiceProvider services, CancellationToken cancel)
    {
        await services.StartKeysAsync(cancel);
        await services.StartGatewayAsync(cancel);
        return (await services.StartSpendAsync(cancel)).Fault;
    }

    private static void Configure(KestrelServerOptions kestrel, CrewSettings settings)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = MaximumBodyBytes;
        kestrel.Limits.MaxRequestHeadersTotalSize = 32 * 1024;
        if (settings is { TlsCertificate: { } certificate, TlsKey: { } key })
        {
            var current = new ReloadingCertificate(certificate, key);
            kestrel.ConfigureHttpsDefaults(https =>
            {
                https.SslProtocols = System.Security.Authentication.SslProtocols.Tls12 | System.Security.Authentication.SslProtocols.Tls13;
                https.ServerCertificateSelector = (_, _) => current.Value;
                https.ClientCertificateMode = ClientCertificateMode.NoCertificate;
            });
        }
    }

    /// <summary>The PEM pair, read again when either file has changed. A broken new pair leaves the old one in use.</summary>
    private sealed class ReloadingCertificate(string certificateFile, string keyFile)
    {
        private readonly Lock _gate = new();
        private X509Certificate2? _certificate;
        private (DateTime Certificate, DateTime Key) _stamp;

        public X509Certificate2? Value
        {
            get
            {
                var stamp = (File.GetLastWriteTimeUtc(certificateFile), File.GetLastWriteTimeUtc(keyFile));
                lock (_gate)
                {
                    if (_certificate is null || stamp != _stamp)
                    {
                        TryLoad(stamp);
                    }

                    return _certificate;
                }
            }
        }

        private void TryLoad((DateTime, DateTime) stamp)
        {
            try
            {
                _certificate = X509Certificate2.CreateFromPemFile(certificateFile, keyFile);
                _stamp = stamp;
            }
            catch (Exception error) when (error is IOException or System.Security.Cryptography.CryptographicException or UnauthorizedAccessException)
            {
                _stamp = stamp;
            }
        }
    }
}
