using System.Text.Json;
using Crew.Identity.Tests;
using Crew.Testing;

[assembly: AssemblyFixture(typeof(PeopleServer))]
[assembly: AssemblyFixture(typeof(PostgresPeopleServer))]

namespace Crew.Identity.Tests;

/// <summary>The running product. It trusts this machine as a proxy, so that each browser of a test has an address of its own.</summary>
public class PeopleServer : IAsyncLifetime
{
    public const string Password = "seven grey owls at dusk";

    private CrewServer? _server;
    private int _addresses;

    public CrewServer Server => _server ?? throw new InvalidOperationException("It was not started.");

    public virtual bool IsAvailable => true;

    public async ValueTask InitializeAsync()
    {
        if (IsAvailable)
        {
            _server = new CrewServer(new CrewServerOptions
            {
                Database = await DatabaseAsync(),
                PublicHost = "localhost",
                Environment = new Dictionary<string, string?> { ["CREW_TRUSTED_PROXIES"] = "127.0.0.1" },
            });
            await Server.InitAsync();
            await Server.StartAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }

    protected virtual Task<string?> DatabaseAsync() => Task.FromResult<string?>(null);

    /// <summary>A browser with an address and cookies of its own.</summary>
    public WebVisitor Visitor() => new(Server.Address, $"10.1.{Interlocked.Increment(ref _addresses) / 250}.{_addresses % 250}");

    /// <summary>A new person, who owns an organization of their own, and the path of their link.</summary>
    public async Task<(string Email, string Path)> PersonAsync()
    {
        var email = $"p{Random.Shared.NextInt64():x}@example.com";
        var command = await Server.CommandAsync("orgs", "create", "--name", "Owls", "--email", email, "--data", Server.DataFolder, "--json");
        command.ExitCode.ShouldBe(0, command.Error);
        using var made = JsonDocument.Parse(command.Output);
        return (email, new Uri(made.RootElement.GetProperty("owner").GetProperty("sign_in_url").GetString()!).AbsolutePath);
    }

    /// <summary>A new person who has set a password, and the browser in which they did.</summary>
    public async Task<(string Email, WebVisitor Browser)> SignedInAsync()
    {
        var (email, path) = await PersonAsync();
        var browser = Visitor();
        (await browser.SubmitAsync(path, ("password", Password))).Status.ShouldBe(302);
        browser.Session.ShouldNotBeNull();
        return (email, browser);
    }

    public static Task<WebPage> SignInAsync(WebVisitor browser, string email, string password = Password) =>
        browser.SubmitAsync("/sign-in", ("email", email), ("password", password));

    public static async Task<JsonElement> DataAsync(Task<WebPage> page)
    {
        var got = await page;
        got.Status.ShouldBe(200, got.Text);
        return JsonDocument.Parse(got.Text).RootElement.GetProperty("data");
    }
}

/// <summary>The same over PostgreSQL.</summary>
public sealed class PostgresPeopleServer : PeopleServer
{
    public override bool IsAvailable => PostgresServer.IsAvailable;

    protected override async Task<string?> DatabaseAsync() => await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();
}
