using Crew.Http;
using Crew.Kernel;
using Crew.Sealing;
using Crew.Sealing.Egress;
using Crew.Storage;
using Crew.Testing;
using Crew.Webhooks.Delivery;
using Crew.Webhooks.Endpoints;
using Crew.Webhooks.Events;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging.Abstractions;

namespace Crew.Webhooks.Tests;

/// <summary>A real database with the webhooks' schema, a workspace, and nodes that deliver from it.</summary>
internal sealed class WebhookBed : IAsyncDisposable
{
    private readonly List<Node> _nodes = [];
    private readonly string _folder = Directory.CreateTempSubdirectory("crew-webhooks-").FullName;
    private readonly string? _database;

    private WebhookBed(string? database)
    {
        _database = database;
        Tenant = new Tenant(Id.New(IdPrefix.Organization, Clock), Id.New(IdPrefix.Workspace, Clock));
        Ring = KeyRing.Begin(MasterKey.Generate(), Clock.GetUtcNow(), out _);
        Ring.Add(Ring.CreateOrganization(Tenant.OrganizationId, Clock.GetUtcNow()));
        Ring.Add(Ring.Create(KeyScope.Workspace, Tenant.WorkspaceId!, KeyScope.Organization, Tenant.OrganizationId, Clock.GetUtcNow()));
        Creators = new Creators();
    }

    public MovedClock Clock { get; } = new();

    public Tenant Tenant { get; private set; }

    public KeyRing Ring { get; }

    public Creators Creators { get; }

    public WebhookOptions Options { get; set; } = new() { LookMilliseconds = 20, SweepMilliseconds = 100, LingerMilliseconds = 50, AnswerSeconds = 2, HoldSeconds = 2 };

    /// <summary>The first node: the one that changes things.</summary>
    public Node First => _nodes[0];

    public static async Task<WebhookBed> StartAsync(string dialect)
    {
        Assert.SkipUnless(dialect == "sqlite" || PostgresServer.IsAvailable, "PostgreSQL is not installed.");
        var bed = new WebhookBed(dialect == "postgres" ? await (await PostgresServer.SharedAsync()).CreateDatabaseAsync() : null);
        await bed.AddNodeAsync();
        return bed;
    }

    /// <summary>Another process on the same database.</summary>
    public async Task<Node> AddNodeAsync()
    {
        var node = await Node.StartAsync(this, new StoreOptions { DataFolder = _folder, PostgresConnectionString = _database });
        _nodes.Add(node);
        return node;
    }

    /// <summary>Makes an endpoint of the workspace.</summary>
    public async Task<WebhookEndpoint> EndpointAsync(Uri url, string secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", string[]? events = null)
    {
        var endpoint = new WebhookEndpoint
        {
            Id = Id.New(IdPrefix.Webhook, Clock),
            OrganizationId = Tenant.OrganizationId,
            WorkspaceId = Tenant.WorkspaceId!,
            Url = url.AbsoluteUri,
            Description = "",
            Events = events ?? ["*"],
            HeaderNames = [],
            SecretSealed = [],
            Status = WebhookEndpoint.Active,
            CreatorType = "api_key",
            CreatorId = "key_creator",
            CreatedAt = Clock.GetUtcNow(),
            UpdatedAt = Clock.GetUtcNow(),
        };
        endpoint.SealSecret(Ring, new SecretText(secret));
        await ChangeAsync(db =>
        {
            db.Add(endpoint);
            db.Add(new EndpointQueue { EndpointId = endpoint.Id, OrganizationId = endpoint.OrganizationId, WorkspaceId = endpoint.WorkspaceId });
            db.Touch(EndpointDirectory.FeedTopic, endpoint.Id);
            return Task.CompletedTask;
        });
        return endpoint;
    }

    /// <summary>From here on things happen in another workspace of another organization.</summary>
    public void EnterAnotherWorkspace()
    {
        Tenant = new Tenant(Id.New(IdPrefix.Organization, Clock), Id.New(IdPrefix.Workspace, Clock));
        Ring.Add(Ring.CreateOrganization(Tenant.OrganizationId, Clock.GetUtcNow()));
        Ring.Add(Ring.Create(KeyScope.Workspace, Tenant.WorkspaceId!, KeyScope.Organization, Tenant.OrganizationId, Clock.GetUtcNow()));
    }

    /// <summary>Something happens, one transaction for each.</summary>
    public async Task RaiseAsync(int count = 1, string type = "crew.updated")
    {
        for (var index = 0; index < count; index++)
        {
            await ChangeAsync(db =>
            {
                db.Raise(new Event(type, new Resource("crew", $"crew_{index}", "a crew")));
                return Task.CompletedTask;
            });
        }
    }

    public async Task ChangeAsync(Func<Db, Task> work) => (await First.Store.ChangeAsync<bool>(Tenant, Origin.System, async db =>
    {
        await work(db);
        return true;
    })).Fault.ShouldBeNull();

    public Task<List<DeliveryRecord>> DeliveriesAsync() => First.Store.ReadAsync(Tenant, db => db.Set<DeliveryRecord>().AsNoTracking().OrderBy(d => d.Id).ToListAsync());

    public Task<List<StoredEvent>> EventsAsync() => First.Store.ReadAsync(Tenant, db => db.Set<StoredEvent>().AsNoTracking().OrderBy(e => e.Id).ToListAsync());

    public Task<WebhookEndpoint> ReadAsync(WebhookEndpoint endpoint) =>
        First.Store.ReadAsync(Tenant, db => db.Set<WebhookEndpoint>().AsNoTracking().SingleAsync(e => e.Id == endpoint.Id));

    public Task<EndpointQueue> QueueAsync(WebhookEndpoint endpoint) =>
        First.Store.ReadAsync(Tenant, db => db.Set<EndpointQueue>().AsNoTracking().SingleAsync(q => q.EndpointId == endpoint.Id));

    /// <summary>Waits until something holds.</summary>
    public static async Task UntilAsync(Func<Task<bool>> holds, string what, int seconds = 20)
    {
        for (var waited = 0; !await holds(); waited += 20)
        {
            if (waited > seconds * 1_000)
            {
                throw new TimeoutException(what);
            }

            await Task.Delay(20);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes)
        {
            await node.DisposeAsync();
        }

        Directory.Delete(_folder, recursive: true);
    }
}

/// <summary>One process: its store, and, once started, its loop.</summary>
internal sealed class Node : IAsyncDisposable
{
    private readonly WebhookBed _bed;
    private DeliveryLoop? _loop;
    private DeliverySender? _sender;

    private Node(WebhookBed bed, StoreOptions options)
    {
        _bed = bed;
        Directory = new EndpointDirectory(new Lazy<Store>(() => Store!), new Lazy<KeyRing>(bed.Ring));
        Store = Store.Open(options, new StorageModel(WebhooksModule.Part), [new EventOutbox(new Lazy<KeyRing>(bed.Ring), Directory, Inbox, bed.Clock)], bed.Clock);
    }

    public Store Store { get; }

    public EndpointDirectory Directory { get; }

    public DeliveryInbox Inbox { get; private set; } = new();

    public static async Task<Node> StartAsync(WebhookBed bed, StoreOptions options)
    {
        var node = new Node(bed, options);
        (await node.Store.MigrateAsync()).Fault.ShouldBeNull();
        (await node.Store.StartAsync()).Fault.ShouldBeNull();
        await node.Directory.StartAsync(CancellationToken.None);
        return node;
    }

    /// <summary>Begins to deliver.</summary>
    public async Task DeliverAsync(Uri? allowed = null)
    {
        var policy = EgressPolicy.Parse(allowed is null ? null : $"webhook@{allowed.Host}:{allowed.Port}").Value;
        _sender = new DeliverySender(new GuardedHandlerFactory(policy, new SystemHostResolver()), _bed.Options, _bed.Clock);
        _loop = new DeliveryLoop(Store, _bed.Ring, Directory, new DeliveryRights(new Principals([_bed.Creators]), _bed.Creators), _sender, Inbox, new Metrics(),
            _bed.Options, _bed.Clock, NullLogger<DeliveryLoop>.Instance);
        await _loop.StartAsync(CancellationToken.None);
    }

    public async Task StopAsync()
    {
        if (_loop is not null)
        {
            await _loop.StopAsync(CancellationToken.None);
            _loop.Dispose();
            _sender!.Dispose();
            _loop = null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await Store.DisposeAsync();
    }
}

/// <summary>Who made the endpoints, with rights that the test changes.</summary>
internal sealed class Creators : IPrincipalSource, IWorkspaceDirectory
{
    public bool AreGone { get; set; }

    public PermissionSet Rights { get; set; } = Permissions.All;

    public string ActorType => "api_key";

    public long RetentionVersion => 0;

    public ValueTask<Caller?> FindAsync(Tenant workspace, string actorId, CancellationToken cancel) => ValueTask.FromResult(AreGone ? null : new Caller
    {
        Actor = new Actor("api_key", actorId),
        OrganizationId = workspace.OrganizationId,
        WorkspaceId = workspace.WorkspaceId!,
        Permissions = Rights,
    });

    public ValueTask<WorkspaceView?> FindAsync(string organizationId, string workspaceId, CancellationToken cancel) => ValueTask.FromResult<WorkspaceView?>(null);

    public ValueTask<bool> IsListedOriginAsync(string origin, CancellationToken cancel) => ValueTask.FromResult(false);

    public Task<IReadOnlyList<RetentionTerms>> RetentionAsync(CancellationToken cancel) => Task.FromResult<IReadOnlyList<RetentionTerms>>([]);
}
