using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Crew.Audit;
using Crew.Gateway.Calls;
using Crew.Http;
using Crew.Kernel;
using Crew.Keys;
using Crew.Keys.Contracts;
using Crew.Sealing;
using Crew.Sealing.Egress;
using Crew.Spend;
using Crew.Storage;
using Crew.Tenancy;
using Crew.Tenancy.Contracts;
using Crew.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Shouldly;

namespace Crew.Gateway.Tests.Calls;

/// <summary>The module with the modules that it needs in this process, behind real HTTP and on a real database, under a clock that the test moves.</summary>
internal sealed class GatewayApp : IAsyncDisposable
{
    private readonly string _folder;
    private readonly WebApplication _app;

    private GatewayApp(string folder, WebApplication app, FakeClock clock, HttpClient client) =>
        (_folder, _app, Clock, Client) = (folder, app, clock, client);

    public FakeClock Clock { get; }

    /// <summary>Calls with an account master.</summary>
    public HttpClient Client { get; }

    public DrainRoom Drains => _app.Services.GetRequiredService<DrainRoom>();

    /// <param name="provider">Where a provider of tests listens on this machine.</param>
    /// <param name="memory">For answers in one piece; null is as much as the product takes.</param>
    /// <param name="places">For answers that are read on after their client has left; null is as many as in the product.</param>
    public static async Task<GatewayApp> StartAsync(int provider, AnswerMemory? memory = null, int? places = null)
    {
        var folder = Directory.CreateTempSubdirectory("crew-gateway-").FullName;
        var clock = new FakeClock();
        StoredKeys? opened = null;
        var app = Build(folder, clock, provider, services => Replace(services, memory, places), () => opened!);
        var store = app.Services.GetRequiredService<Store>();
        (await store.MigrateAsync()).Fault.ShouldBeNull();
        opened = (await StoredKeys.OpenAsync(store, MasterKey.Generate(), clock, default)).Value;
        (await store.StartAsync()).Fault.ShouldBeNull();
        var home = (await app.Services.GetRequiredService<Provisioner>().CreateAsync("Test", "owner@example.com", Origin.System, default)).Value;
        await app.Services.StartKeysAsync(default);
        await app.Services.StartGatewayAsync(default);
        (await app.Services.StartSpendAsync(default)).Fault.ShouldBeNull();
        await app.StartAsync();
        var key = (await app.Services.GetRequiredService<OperatorKeys>()
            .CreateMasterAsync(home.OrganizationId, home.WorkspaceId, "account", false, true, Origin.System, default)).Value;
        var client = new HttpClient { BaseAddress = new Uri(app.Urls.Single()) };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key.Text.Reveal());
        return new GatewayApp(folder, app, clock, client);
    }

    public async Task<JsonElement> PostAsync(string path, object body)
    {
        using var answer = await Client.PostAsJsonAsync(path, body);
        return await DataAsync(answer);
    }

    public async Task<JsonElement> GetAsync(string path)
    {
        using var answer = await Client.GetAsync(new Uri(path, UriKind.Relative));
        return await DataAsync(answer);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>A client with the account master of a further organization.</summary>
    public async Task<HttpClient> JoinAsync()
    {
        var home = (await _app.Services.GetRequiredService<Provisioner>().CreateAsync("Other", "other@example.com", Origin.System, default)).Value;
        var key = (await _app.Services.GetRequiredService<OperatorKeys>()
            .CreateMasterAsync(home.OrganizationId, home.WorkspaceId, "account", false, true, Origin.System, default)).Value;
        var client = new HttpClient { BaseAddress = Client.BaseAddress };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key.Text.Reveal());
        return client;
    }

    private static void Replace(IServiceCollection services, AnswerMemory? memory, int? places)
    {
        if (memory is not null)
        {
            services.AddSingleton(memory);
        }

        if (places is { } most)
        {
            services.AddSingleton(s => new DrainRoom(s.GetRequiredService<TimeProvider>(), most));
        }
    }

    /// <summary>The database keeps the real time: its commits wait for a millisecond that nobody would move on here.</summary>
    private static WebApplication Build(string folder, FakeClock clock, int provider, Action<IServiceCollection> replace, Func<StoredKeys> keys)
    {
        var model = new StorageModel(
            StoredKeys.Part, HttpModule.Part, TenancyModule.Part, AuditModule.Part, SpendModule.Part, KeysModule.Part, GatewayModule.Part);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var services = builder.Services;
        services.AddSingleton<TimeProvider>(clock);
        services.AddSingleton(s => Store.Open(new StoreOptions { DataFolder = folder }, model, s.GetServices<IEventSink>(), TimeProvider.System));
        services.AddSingleton(_ => keys());
        services.AddSingleton(_ => keys().Ring);
        services.AddSingleton(_ => new RequestHasher(new byte[32]));
        services.AddSingleton(EgressPolicy.Parse($"provider@127.0.0.1:{provider}").Value);
        services.AddSingleton<IHostResolver, SystemHostResolver>();
        services.AddSingleton<GuardedHandlerFactory>();
        services.AddHttp(ClientAddress.Parse(null).Value);
        services.AddAudit();
        services.AddTenancy();
        services.AddSpend();
        services.AddKeys();
        services.AddGateway();
        replace(services);
        var app = builder.Build();
        app.UseRouting();
        app.UseGate();
        app.MapSpend();
        app.MapGateway();
        app.RequireDeclaredRoutes();
        return app;
    }

    private static async Task<JsonElement> DataAsync(HttpResponseMessage answer)
    {
        var text = await answer.Content.ReadAsStringAsync();
        answer.IsSuccessStatusCode.ShouldBeTrue(text);
        return JsonDocument.Parse(text).RootElement.GetProperty("data");
    }
}
