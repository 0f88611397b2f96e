using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Crew.Api.Tests;
using Crew.Testing;

[assembly: AssemblyFixture(typeof(SqliteStage))]
[assembly: AssemblyFixture(typeof(PostgresStage))]

namespace Crew.Api.Tests;

public sealed class SqliteStage : ApiStage
{
    protected override Task<string?> DatabaseAsync() => Task.FromResult<string?>(null);
}

public sealed class PostgresStage : ApiStage
{
    public override bool IsAvailable => PostgresServer.IsAvailable;

    protected override async Task<string?> DatabaseAsync() => await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();
}

/// <summary>
/// The running product with two organizations, a second workspace, and a key for each part. The server trusts this machine as a
/// proxy, so that each client has an address of its own and none meets the limit of addresses by another's doing.
/// </summary>
public abstract class ApiStage : IAsyncLifetime
{
    private static readonly JsonSerializerOptions Snake = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false, UseCookies = false, AllowAutoRedirect = false });
    private CrewServer? _server;
    private int _addresses;

    public virtual bool IsAvailable => true;

    public CrewServer Server => _server!;

    /// <summary>The first organization with its workspace, and its account master.</summary>
    public CrewInstallation Home => Server.Installation;

    /// <summary>Another organization of the same installation.</summary>
    public CrewInstallation Other { get; private set; } = null!;

    /// <summary>An organization of its own for tests that shut a whole workspace off.</summary>
    public CrewInstallation Third { get; private set; } = null!;

    /// <summary>A second workspace of the first organization.</summary>
    public string SecondWorkspaceId { get; private set; } = "";

    /// <summary>A master of the home workspace without rights of the organization.</summary>
    public string WorkspaceMaster { get; private set; } = "";

    public ApiCaller Account { get; private set; } = null!;

    public ApiCaller Master { get; private set; } = null!;

    public ApiCaller Foreigner { get; private set; } = null!;

    public ApiReference Reference { get; private set; } = null!;

    /// <summary>Who reports leaked keys with a signature.</summary>
    public SecretScanner Scanner { get; private set; } = null!;

    /// <summary>Who receives webhooks.</summary>
    public HookReceiver Hooks { get; private set; } = null!;

    /// <summary>What the tests of this run have shown of the endpoints.</summary>
    public Evidence Evidence { get; } = new();

    public async ValueTask InitializeAsync()
    {
        if (!IsAvailable)
        {
            return;
        }

        Scanner = await SecretScanner.StartAsync();
        Hooks = await HookReceiver.StartAsync();
        _server = new CrewServer(new CrewServerOptions
        {
            Database = await DatabaseAsync(),
            Egress = [Scanner.EgressEntry, $"webhook@127.0.0.1:{Hooks.Port}"],
            PublicHost = "localhost",
            Environment = new Dictionary<string, string?>
            {
                ["CREW_TRUSTED_PROXIES"] = "127.0.0.1",
                ["CREW_GITHUB_SCANNING_KEYS"] = Scanner.KeysUrl.ToString(),
            },
        });
        await Server.InitAsync();
        Other = JsonSerializer.Deserialize<CrewInstallation>(await OperatorAsync("orgs", "create", "--name", "Other", "--email", "other@example.com"), Snake)!;
        Third = JsonSerializer.Deserialize<CrewInstallation>(await OperatorAsync("orgs", "create", "--name", "Third", "--email", "third@example.com"), Snake)!;
        using var made = JsonDocument.Parse(await OperatorAsync("keys", "create", "--name", "workspace master", "--workspace", Home.WorkspaceId));
        WorkspaceMaster = made.RootElement.GetProperty("key").GetString()!;
        await Server.StartAsync();
        (Account, Master, Foreigner) = (Caller(Home.ApiKeys.Live), Caller(WorkspaceMaster), Caller(Other.ApiKeys.Live));
        Reference = new ApiReference(await _http.GetByteArrayAsync(new Uri(Server.Address, "/openapi/v1.json")));
        SecondWorkspaceId = (await Account.PostAsync("/v1/workspaces", new { name = "second" })).ShouldBe(201).Text("id");
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        if (_server is not null)
        {
            await _server.DisposeAsync();
            await Scanner.DisposeAsync();
            await Hooks.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }

    /// <summary>A client with this key (or none) and an address of its own.</summary>
    public ApiCaller Caller(string? key, string? address = null) => new(_http, Server.Address, key, address ?? NewAddress(), Evidence);

    public string NewAddress()
    {
        var number = Interlocked.Increment(ref _addresses);
        return $"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}";
    }

    /// <summary>Makes a key by the workspace's master and returns a client with it.</summary>
    public async Task<ApiKeyCaller> KeyAsync(object? fields = null, ApiCaller? by = null)
    {
        var body = new Dictionary<string, object?> { ["name"] = "a key", ["permissions"] = new[] { "*:read" } };
        foreach (var (name, value) in JsonSerializer.SerializeToElement(fields ?? new { }, Snake).EnumerateObject().Select(f => (f.Name, f.Value)))
        {
            body[name] = value;
        }

        if (!body.ContainsKey("environment") && !body.ContainsKey("crew_id"))
        {
            body.TryAdd("mode", "live");
        }

        var made = (await (by ?? Master).PostAsync("/v1/api-keys", body)).ShouldBe(201);
        return new ApiKeyCaller(made.Text("id"), made.Text("key"), Caller(made.Text("key")), made);
    }

    /// <summary>Sends bytes as they are and returns what the server says until it closes the connection.</summary>
    public async Task<string> SendRawAsync(string request)
    {
        using var socket = new TcpClient("127.0.0.1", Server.Port);
        await using var stream = socket.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(request));
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return await reader.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(20));
    }

    protected abstract Task<string?> DatabaseAsync();

    private async Task<string> OperatorAsync(params string[] arguments)
    {
        var command = await Server.CommandAsync([.. arguments, "--data", Server.DataFolder, "--json"]);
        command.ExitCode.ShouldBe(0, command.Error);
        return command.Output;
    }
}

/// <summary>A key, its text, and a client that sends it.</summary>
public sealed record ApiKeyCaller(string Id, string Text, ApiCaller Caller, ApiAnswer Made);

/// <summary>The tests of one promise run once for each database.</summary>
public abstract class ApiTests
{
    protected ApiTests(ApiStage stage)
    {
        Assert.SkipUnless(stage.IsAvailable, "No PostgreSQL here.");
        Stage = stage;
    }

    protected ApiStage Stage { get; }

    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;
}
