using System.Text;
using Crew.Bench.Control;
using Crew.Bench.Load;
using Crew.Bench.Measure;
using Crew.Testing;

namespace Crew.Bench.Run;

/// <summary>A system under load: where it listens, what it asks for, whose processor time counts.</summary>
internal sealed record Subject(string Name, Uri Url, string? Key, Func<IReadOnlyList<int>> Processes, string Headers = "")
{
    public LoadPlan Plan(string model, int bytes, TimeSpan warmup, TimeSpan duration, bool stream = false) =>
        new(new LoadTarget(new Uri(Url, "/v1/chat/completions"), model, Key, bytes, stream, Headers), warmup, duration, Processes());

    public LoadPlan Plan(string path, string body, TimeSpan warmup, TimeSpan duration) =>
        new(new LoadTarget(new Uri(Url, path), Key, Encoding.UTF8.GetBytes(body), Headers), warmup, duration, Processes());
}

/// <summary>
/// Everything that runs during a benchmark. In a self-check a second control stands in for Crew, to show the method's noise.
/// </summary>
internal sealed class Stage : IAsyncDisposable
{
    private readonly List<IDisposable> _owned = [];

    public required Subject Control { get; init; }

    public required Subject Crew { get; init; }

    public Subject? Nginx { get; init; }

    /// <summary>Another gateway, where one was asked for.</summary>
    public Subject? Peer { get; init; }

    /// <summary>Null in a self-check.</summary>
    public CrewServer? Server { get; init; }

    public static async Task<Stage> SetAsync(RunSettings settings)
    {
        var mock = await Child.StartAsync("mock");
        var control = await Child.StartAsync("control", "--upstream", mock.Url.ToString());
        var nginx = settings.WithNginx && NginxProxy.IsInstalled ? await NginxProxy.StartAsync(mock.Url) : null;
        var peer = settings.WithPeers && PeerGateway.IsInstalled ? await PeerGateway.StartAsync(mock.Url) : null;
        var (server, crew, second) = (default(CrewServer), default(Subject), default(Child));
        if (settings.SelfCheck)
        {
            second = await Child.StartAsync("control", "--upstream", mock.Url.ToString());
            crew = new Subject("second control", second.Url, null, () => [second.ProcessId]);
        }
        else
        {
            server = await CrewServer.StartNewAsync(new CrewServerOptions
            {
                Executable = settings.CrewPath ?? CrewExecutable.Find("publish/Host/release", "bin/Host/release"),
                Egress = [$"provider@{mock.Url.Authority}"],
                Database = settings.Database,
            });
            crew = new Subject("crew", server.Address, await GovernAsync(server, mock.Url), () => ProcessUse.Family(server.ProcessId));
        }

        var stage = new Stage
        {
            Control = new Subject("control", control.Url, null, () => [control.ProcessId]),
            Crew = crew,
            Nginx = nginx is null ? null : new Subject("nginx", nginx.Url, null, () => nginx.ProcessIds),
            Peer = peer is null ? null : new Subject(PeerGateway.Name, peer.Url, null, () => peer.ProcessIds, PeerGateway.Headers(mock.Url)),
            Server = server,
        };
        stage._owned.AddRange(new IDisposable?[] { second, nginx, peer, control, mock }.OfType<IDisposable>());
        return stage;
    }

    public async ValueTask DisposeAsync()
    {
        if (Server is not null)
        {
            await Server.DisposeAsync();
        }

        _owned.ForEach(part => part.Dispose());
    }

    /// <summary>Governance fully on: every check and every level of budget has work to do, and none of them refuses.</summary>
    private static async Task<string> GovernAsync(CrewServer server, Uri mock)
    {
        var provider = await server.CreateProviderAtAsync(new Uri(mock, "/v1"), "bench-provider-credential");
        foreach (var model in new[] { MockMode.Instant, MockMode.Slow, MockMode.Paced, MockMode.Flood, MockMode.Idle })
        {
            await server.CreateModelAsync(new NewModel { Id = model, ProviderId = provider });
        }

        var anthropic = await server.CreateProviderAtAsync(mock, "bench-provider-credential", kind: "anthropic");
        await server.CreateModelAsync(new NewModel { Id = MockMode.Message, ProviderId = anthropic, UpstreamModel = MockMode.Instant });
        var crew = server.Installation.Crews.Production;
        var key = await server.CreateKeyAsync(new NewKey
        {
            Name = "bench",
            CrewId = crew,
            Permissions = ["models:invoke"],
            AllowedIps = ["127.0.0.0/8", "::1/128"],
            RateLimitPerMinute = 1_000_000,
        });
        foreach (var scope in new[] { "organization", "workspace", $"crew:{crew}", $"key:{key.Id}" })
        {
            await server.CreateBudgetAsync(scope, "1000000.00", "month");
        }

        return key.Key;
    }
}
