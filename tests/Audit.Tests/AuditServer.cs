using System.Collections.Frozen;
using System.Net;
using Crew.Http;
using Crew.Kernel;
using Crew.Sealing;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Crew.Audit.Tests;

/// <summary>The real way in over Kestrel with the audit module and a credential for each role that matters here.</summary>
internal sealed class AuditServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly string _folder;

    private AuditServer(WebApplication app, string folder, Cast cast)
    {
        (_app, _folder, Cast) = (app, folder, cast);
        Client = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };
        Client.DefaultRequestHeaders.UserAgent.ParseAdd("audit-tests/1.0");
    }

    public HttpClient Client { get; }

    public Cast Cast { get; }

    public Store Store => _app.Services.GetRequiredService<Store>();

    public static async Task<AuditServer> StartAsync()
    {
        var folder = Directory.CreateTempSubdirectory("crew-audit-").FullName;
        var cast = new Cast();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(cast.Ring);
        builder.Services.AddSingleton(new RequestHasher(new byte[32]));
        builder.Services.AddSingleton<IWorkspaceDirectory>(cast);
        builder.Services.AddSingleton<IWorkspaceOwners>(cast);
        builder.Services.AddSingleton<ICredentialScheme>(cast);
        builder.Services.AddHttp(new ClientAddress([]));
        builder.Services.AddAudit(new Contracts.AuditOptions { SequencerPollMilliseconds = 20 });
        builder.Services.AddSingleton(s => Store.Open(new StoreOptions { DataFolder = folder },
            new StorageModel(HttpModule.Part, AuditModule.Part), s.GetServices<IEventSink>(), TimeProvider.System));
        var app = builder.Build();
        var store = app.Services.GetRequiredService<Store>();
        (await store.MigrateAsync()).Fault.ShouldBeNull();
        (await store.StartAsync()).Fault.ShouldBeNull();
        app.UseRouting();
        app.UseGate();
        app.MapAudit();
        app.RequireDeclaredRoutes();
        await app.StartAsync();
        return new AuditServer(app, folder, cast);
    }

    public async Task<HttpResponseMessage> GetAsync(string path, string key = "owner")
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Add("Authorization", $"Bearer {key}");
        return await Client.SendAsync(request);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
        TemporaryFolder.Remove(_folder);
    }
}

/// <summary>One workspace and its keys: the text of a key is its role.</summary>
internal sealed class Cast : IWorkspaceDirectory, IWorkspaceOwners, ICredentialScheme
{
    public Task<IReadOnlyList<string>> EmailsAsync(Tenant place, CancellationToken cancel) => Task.FromResult<IReadOnlyList<string>>([]);

    public ValueTask<bool> IsListedOriginAsync(string origin, CancellationToken cancel) => ValueTask.FromResult(false);

    private readonly TimeProvider _clock = TimeProvider.System;
    private readonly Dictionary<string, Caller> _callers;

    public Cast()
    {
        Tenant = new Tenant(Id.New(IdPrefix.Organization, _clock), Id.New(IdPrefix.Workspace, _clock));
        Ring = KeyRing.Begin(MasterKey.Generate(), _clock.GetUtcNow(), out _);
        Ring.Add(Ring.CreateOrganization(Tenant.OrganizationId, _clock.GetUtcNow()));
        Ring.Add(Ring.Create(KeyScope.Workspace, Tenant.WorkspaceId!, KeyScope.Organization, Tenant.OrganizationId, _clock.GetUtcNow()));
        var read = PermissionSet.Of("audit:read");
        _callers = new Dictionary<string, Caller>
        {
            ["owner"] = Make(Permissions.All, organization: read),
            ["auditor"] = Make(read),
            ["above"] = Make(PermissionSet.None, organization: read),
            ["stranger"] = Make(PermissionSet.Of("agents:read")),
            ["test"] = Make(Permissions.All, test: true),
            ["bound"] = Make(Permissions.All, environment: CrewEnvironment.Production),
        };
    }

    public Tenant Tenant { get; }

    public KeyRing Ring { get; }

    public bool ZeroLogging { get; set; }

    public string KeyId(string role) => _callers[role].Actor.Id;

    public bool Accepts(ReadOnlySpan<char> credential) => true;

    public ValueTask<Verification> VerifyAsync(string credential, CancellationToken cancel) =>
        ValueTask.FromResult(_callers.TryGetValue(credential, out var caller) ? new Verification(caller, null) : new Verification(null, HttpFaults.MissingCredential));

    public void Used(Caller caller, string endpoint, int status, IPAddress address, DateTimeOffset at)
    {
    }

    public ValueTask LeakedAsync(Caller caller, Origin origin, string reason) => ValueTask.CompletedTask;

    public ValueTask<WorkspaceView?> FindAsync(string organizationId, string workspaceId, CancellationToken cancel) => ValueTask.FromResult<WorkspaceView?>(new()
    {
        Id = workspaceId,
        OrganizationId = organizationId,
        Name = "Acme",
        Crews = FrozenDictionary<string, CrewEnvironment>.Empty,
        RequestsPerMinute = 1_000_000,
        MaximumKeys = 10,
        ZeroLogging = ZeroLogging,
    });

    public long RetentionVersion => 0;

    public Task<IReadOnlyList<RetentionTerms>> RetentionAsync(CancellationToken cancel) =>
        Task.FromResult<IReadOnlyList<RetentionTerms>>([new RetentionTerms(Tenant, 30, 365, 365)]);

    private Caller Make(PermissionSet permissions, PermissionSet organization = default, bool test = false, CrewEnvironment? environment = null) => new()
    {
        Actor = new Actor("api_key", Id.New(IdPrefix.ApiKey, _clock)) { KeyLast4 = "last" },
        OrganizationId = Tenant.OrganizationId,
        WorkspaceId = Tenant.WorkspaceId!,
        Permissions = permissions,
        OrganizationPermissions = organization,
        IsTest = test,
        Environment = environment,
    };
}
