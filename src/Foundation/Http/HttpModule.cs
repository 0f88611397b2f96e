using Crew.Kernel;
using Crew.Sealing;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Crew.Http;

/// <summary>Composition of the way in.</summary>
public static class HttpModule
{
    public static StoragePart Part { get; } = new HttpPart();

    /// <summary>Registers the way in. Needs an <see cref="IAccessTrail"/>, an <see cref="IWorkspaceDirectory"/> and the credential schemes of other modules.</summary>
    public static IServiceCollection AddHttp(this IServiceCollection services, ClientAddress addresses, DrainOptions? drain = null, PublicOrigin? own = null)
    {
        services.AddSingleton(addresses);
        services.AddSingleton(own ?? new PublicOrigin(""));
        services.AddSingleton<WebOrigins>();
        services.AddSingleton(s => new ProofLimits(s.GetRequiredService<RateLimiter>()));
        services.AddSingleton(s => new Drain(drain ?? new DrainOptions { NoticeSeconds = 0, DeadlineSeconds = 0 }, s.GetRequiredService<TimeProvider>()));
        services.AddSingleton(s => new RateDesk(new Lazy<Store>(s.GetRequiredService<Store>), s.GetRequiredService<TimeProvider>()));
        services.AddHostedService(s => s.GetRequiredService<RateDesk>());
        services.AddSingleton(s => new SlotDesk(new Lazy<Store>(s.GetRequiredService<Store>), s.GetRequiredService<TimeProvider>()));
        services.AddHostedService(s => s.GetRequiredService<SlotDesk>());
        services.AddSingleton(s => new SharedLimits(
            s.GetRequiredService<RateDesk>(), s.GetRequiredService<SlotDesk>(), new Lazy<Store>(s.GetRequiredService<Store>)));
        services.AddSingleton(s => new RateLimiter(
            s.GetRequiredService<RateDesk>(), new Lazy<Store>(s.GetRequiredService<Store>), s.GetRequiredService<TimeProvider>()));
        services.AddSingleton<Principals>();
        services.AddSingleton<Metrics>();
        services.AddSingleton<RefusalLog>();
        services.AddHostedService(s => s.GetRequiredService<RefusalLog>());
        services.AddSingleton<IdempotencyStore>(s => new IdempotencyStore(
            new Lazy<Store>(s.GetRequiredService<Store>), new Lazy<RequestHasher>(s.GetRequiredService<RequestHasher>), new Lazy<KeyRing>(s.GetRequiredService<KeyRing>),
            s.GetRequiredService<TimeProvider>()));
        services.AddSingleton<IEventSink>(s => s.GetRequiredService<IdempotencyStore>());
        services.AddSingleton<IExpiry, IdempotencyExpiry>();
        services.AddSingleton<IExpiry, FeedExpiry>();
        services.AddSingleton<IExpiry, RateExpiry>();
        services.AddSingleton(s => s.GetRequiredService<Store>().Election);
        services.AddSingleton(new UpkeepOptions());
        services.AddSingleton<Conditions>();
        services.AddSingleton<DatabaseWatch>();
        services.AddHostedService(s => s.GetRequiredService<DatabaseWatch>());
        services.AddSingleton<DiskWatch>();
        services.AddHostedService(s => s.GetRequiredService<DiskWatch>());
        services.AddHostedService<ClockWatch>();
        services.AddHostedService<ElectionLoop>();
        services.AddHostedService<UpkeepLoop>();

        // What routing itself refuses (a query parameter of the wrong type) is answered and recorded like every other refusal.
        services.Configure<RouteHandlerOptions>(options => options.ThrowOnBadRequest = true);
        services.AddRouting(options => options.LowercaseUrls = true);
        return services;
    }

    /// <summary>Puts the gate behind routing and before every endpoint, within the span of the request.</summary>
    public static void UseGate(this IApplicationBuilder app) => app.Use(RequestSpans.TraceAsync).UseMiddleware<RequestGate>();

    /// <summary>Refuses to start with a route that does not declare who may use it.</summary>
    public static void RequireDeclaredRoutes(this IEndpointRouteBuilder app)
    {
        var undeclared = app.DataSources.SelectMany(s => s.Undeclared()).ToList();
        if (undeclared.Count > 0)
        {
            throw new InvalidOperationException($"These routes declare no permission and crew source: {string.Join(", ", undeclared)}");
        }
    }

    /// <summary>Keeps the listener of the metrics to metrics and health: nothing else answers there.</summary>
    public static void UseMetricsListener(this IApplicationBuilder app, IReadOnlySet<int> metricsPorts)
    {
        if (metricsPorts.Count > 0)
        {
            app.Use((http, next) =>
            {
                if (!metricsPorts.Contains(http.Connection.LocalPort) || http.Request.Path == "/metrics" || http.Request.Path.StartsWithSegments("/health"))
                {
                    return next(http);
                }

                http.Response.StatusCode = 404;
                return Task.CompletedTask;
            });
        }
    }

    /// <summary>Liveness, readiness and metrics.</summary>
    public static void MapHealth(this IEndpointRouteBuilder app, string? metricsToken, IReadOnlySet<int> metricsPorts)
    {
        app.MapGet("/health/live", () => Results.Text("live")).WithName("Health.Live").WithSummary("The process runs.").WithTags("Health").AllowsAnonymous();
        app.MapGet("/health/ready", async (Store store, Drain drain, DatabaseWatch database, Conditions conditions, CancellationToken cancel) =>
        {
            if (drain.IsDraining)
            {
                return Results.Text("stopping", statusCode: 503);
            }

            var isThere = await database.IsThereAsync(cancel) && store.Node.IsLive
                && await store.IsReachableAsync(cancel).WaitAsync(DatabaseWatch.Patience, CancellationToken.None)
                    .ContinueWith(t => t is { IsCompletedSuccessfully: true, Result: true }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
            return Readiness(isThere, conditions.All);
        })
            .WithName("Health.Ready").WithSummary("The process can serve: its database takes writes, and it is not about to stop.").WithTags("Health").AllowsAnonymous();
        app.MapGet("/metrics", (HttpContext http, Metrics metrics) =>
                metricsPorts.Contains(http.Connection.LocalPort) || MayReadMetrics(http, metricsToken)
                ? Results.Text(metrics.Render(), "text/plain; version=0.0.4")
                : Results.StatusCode(404))
            .WithName("Metrics.Read").WithSummary("Figures in Prometheus text form, for the operator's token.").WithTags("Health").AllowsAnonymous();
    }

    /// <summary>One word first, then a line for each thing that is not well: its name, its state, and a sentence.</summary>
    private static IResult Readiness(bool isThere, IReadOnlyList<Condition> conditions)
    {
        var unwell = conditions.Where(c => c.Level != ConditionLevel.Fine).ToList();
        var isReady = isThere && unwell.TrueForAll(c => c.Level != ConditionLevel.Failing);
        var first = isReady ? "ready" : isThere ? "not ready" : "database unavailable";
        return Results.Text(string.Join('\n', unwell.Select(c => $"{c.Name} {c.State}: {c.Message}").Prepend(first)), statusCode: isReady ? 200 : 503);
    }

    /// <summary>Without a token metrics are closed on the main listener: route names and rates are the operator's business.</summary>
    private static bool MayReadMetrics(HttpContext http, string? token) => token is not null
        && System.Security.Cryptography.CryptographicOperations.FixedTimeEquals(
            System.Text.Encoding.UTF8.GetBytes(http.Request.Headers.Authorization.ToString()), System.Text.Encoding.UTF8.GetBytes($"Bearer {token}"));
}
