using System.Net.Http.Json;
using System.Text.Json;
using Crew.Audit;
using Crew.Http;
using Crew.Kernel;
using Crew.Keys;
using Crew.Keys.Contracts;
using Crew.Sealing;
using Crew.Spend.Contracts;
using Crew.Storage;
using Crew.Tenancy;
using Crew.Tenancy.Contracts;
using Crew.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Crew.Spend.Tests;

/// <summary>The module with the modules that it needs, behind real HTTP, on a real database.</summary>
internal sealed class SpendApp : IAsyncDisposable
{
    private readonly string _folder;
    private readonly WebApplication _app;
    private readonly HttpClient _client;

    private SpendApp(string folder, WebApplication app, ProvisionedOrganization organization)
    {
        (_folder, _app, Organization) = (folder, app, organization);
        _client = new HttpClient { BaseAddress = new Uri(app.Urls.Single()) };
    }

    public ProvisionedOrganization Organization { get; }

    public string WorkspaceId => Organization.WorkspaceId;

    /// <summary>An account master: counts as owner of the organization.</summary>
    public TestKey Account { get; private set; } = null!;

    public TestKey Master { get; private set; } = null!;

    public TestKey TestMaster { get; private set; } = null!;

    public Ledger Ledger => _app.Services.GetRequiredService<Ledger>();

    public IWorkspaceDirectory Workspaces => _app.Services.GetRequiredService<IWorkspaceDirectory>();

    public Store Store => _app.Services.GetRequiredService<Store>();

    public ScopeKey WorkspaceKey => _app.Services.GetRequiredService<KeyRing>().Current(KeyScope.Workspace, WorkspaceId)!;

    public string Crew(CrewEnvironment environment) => Organization.Crews[environment];

    public static async Task<SpendApp> StartAsync(string dialect = "sqlite")
    {
        Assert.SkipUnless(dialect == "sqlite" || PostgresServer.IsAvailable, "There is no PostgreSQL here.");
        var folder = Directory.CreateTempSubdirectory("crew-spend-").FullName;
        var model = new StorageModel(StoredKeys.Part, HttpModule.Part, TenancyModule.Part, AuditModule.Part, SpendModule.Part, KeysModule.Part);
        var options = new StoreOptions
        {
            DataFolder = folder,
            PostgresConnectionString = dialect == "sqlite" ? null : await (await PostgresServer.SharedAsync()).CreateDatabaseAsync(),
        };
        StoredKeys? opened = null;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var services = builder.Services;
        services.AddSingleton(TimeProvider.System);
        services.AddSingleton(s => Store.Open(options, model, s.GetServices<IEventSink>(), TimeProvider.System));
        services.AddSingleton(_ => opened!);
        services.AddSingleton(_ => opened!.Ring);
        services.AddSingleton(_ => new RequestHasher(new byte[32]));
        services.AddHttp(ClientAddress.Parse(null).Value);
        services.AddAudit();
        services.AddTenancy();
        services.AddSpend();
        services.AddKeys();

        // Tests run the upkeep themselves, when their rows are there.
        services.Remove(services.Single(s => s.ImplementationType?.Name == "UpkeepLoop"));
        var app = builder.Build();
        app.UseRouting();
        app.UseGate();
        app.MapTenancy();
        app.MapKeys();
        app.MapSpend();
        app.RequireDeclaredRoutes();
        var store = app.Services.GetRequiredService<Store>();
        (await store.MigrateAsync()).Fault.ShouldBeNull();
        opened = (await StoredKeys.OpenAsync(store, MasterKey.Generate(), TimeProvider.System, default)).Value;
        (await store.StartAsync()).Fault.ShouldBeNull();
        var organization = (await app.Services.GetRequiredService<Provisioner>().CreateAsync("Test", "owner@example.com", Origin.System, default)).Value;
        await app.Services.StartKeysAsync(default);
        (await app.Services.StartSpendAsync(default)).Fault.ShouldBeNull();
        await app.StartAsync();
        var started = new SpendApp(folder, app, organization);
        started.Account = await started.MasterAsync("account", isAccount: true);
        started.Master = await started.MasterAsync("master");
        started.TestMaster = await started.MasterAsync("test", isTest: true);
        return started;
    }

    /// <summary>Makes a service key by HTTP.</summary>
    public async Task<TestKey> KeyAsync(TestKey by, object body)
    {
        var made = await by.SendAsync(HttpMethod.Post, "/v1/api-keys", body);
        made.Status.ShouldBe(201, made.Text);
        return new TestKey(this, made.Data.GetProperty("id").GetString()!, made.Data.GetProperty("key").GetString()!);
    }

    public async Task<Answer> SendAsync(string? key, HttpMethod method, string path, object? body = null, string? ifMatch = null)
    {
        using var request = new HttpRequestMessage(method, path);
        request.Content = body is null ? null : JsonContent.Create(body);
        if (key is not null)
        {
            request.Headers.Add("Authorization", $"Bearer {key}");
        }

        if (ifMatch is not null)
        {
            request.Headers.TryAddWithoutValidation("If-Match", ifMatch);
        }

        using var response = await _client.SendAsync(request);
        return new Answer((int)response.StatusCode, await response.Content.ReadAsStringAsync(), response.Headers.ETag?.Tag);
    }

    public async Task AppendAsync(params Attempt[] attempts)
    {
        foreach (var attempt in attempts)
        {
            var work = new AppendWork();
            work.Rows.Add(attempt);
            (await Store.Committer.AppendAsync(work)).ShouldBeTrue();
        }
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task<TestKey> MasterAsync(string name, bool isTest = false, bool isAccount = false)
    {
        var made = await _app.Services.GetRequiredService<OperatorKeys>()
            .CreateMasterAsync(Organization.OrganizationId, WorkspaceId, name, isTest, isAccount, Origin.System, default);
        return new TestKey(this, made.Value.Id, made.Value.Text.Reveal());
    }
}

/// <summary>A key with which a test calls.</summary>
internal sealed record TestKey(SpendApp App, string Id, string Text)
{
    public Task<Answer> SendAsync(HttpMethod method, string path, object? body = null, string? ifMatch = null) =>
        App.SendAsync(Text, method, path, body, ifMatch);

    public Task<Answer> GetAsync(string path) => SendAsync(HttpMethod.Get, path);

    public Task<Answer> BudgetAsync(string scope, string amount = "1.00", string window = "month", string? mode = null) =>
        SendAsync(HttpMethod.Post, "/v1/budgets", mode is null ? new { scope, amount_usd = amount, window } : new { scope, amount_usd = amount, window, mode });
}

internal sealed record Answer(int Status, string Text, string? ETag)
{
    public JsonElement Json => JsonDocument.Parse(Text).RootElement;

    public JsonElement Data => Json.GetProperty("data");

    public string? Code => Json.GetProperty("error").GetProperty("code").GetString();

    public JsonElement Details => Json.GetProperty("error").GetProperty("details");
}
