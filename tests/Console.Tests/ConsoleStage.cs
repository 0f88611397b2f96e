using System.Net;
using Crew.Console.Tests;
using Crew.Testing;
using Microsoft.Playwright;

[assembly: AssemblyFixture(typeof(ConsoleStage))]

namespace Crew.Console.Tests;

/// <summary>The running product, a browser, and people of each role who have signed in by the pages.</summary>
public sealed class ConsoleStage : IAsyncLifetime
{
    private const string Password = "seven grey owls at dusk";

    private const string Chromium = "/usr/bin/chromium";

    private readonly SemaphoreSlim _gate = new(1);
    private readonly Dictionary<string, string> _sessions = [];

    private IPlaywright? _playwright;
    private IBrowser? _browser;

    public CrewServer Server { get; } = new();

    public string WorkspaceId => Server.Installation.WorkspaceId;

    public async ValueTask InitializeAsync()
    {
        await Server.InitAsync();
        await Server.StartAsync();
        Assert.SkipUnless(File.Exists(Chromium), "No Chromium here.");
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions
        {
            ExecutablePath = Chromium,
            Args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
        });
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null)
        {
            await _browser.DisposeAsync();
        }

        _playwright?.Dispose();
        await Server.DisposeAsync();
    }

    /// <summary>A browser in which somebody of a role has signed in: the owner of the installation, or a guest of theirs.</summary>
    public async Task<Visit> EnterAsync(string role, int width = 1280, int height = 900, ColorScheme scheme = ColorScheme.Light)
    {
        var visit = await OpenAsync(width, height, scheme);
        await visit.Page.Context.AddCookiesAsync([new Microsoft.Playwright.Cookie { Name = "crew_session", Value = await SessionOfAsync(role), Url = Server.Address.ToString() }]);
        return visit;
    }

    /// <summary>A browser in which nobody has signed in.</summary>
    public async Task<Visit> OpenAsync(int width = 1280, int height = 900, ColorScheme scheme = ColorScheme.Light)
    {
        var context = await _browser!.NewContextAsync(new BrowserNewContextOptions
        {
            BaseURL = Server.Address.ToString(),
            ViewportSize = new ViewportSize { Width = width, Height = height },
            ColorScheme = scheme,
            ReducedMotion = ReducedMotion.Reduce,
        });
        return await Visit.OpenAsync(context, WorkspaceId);
    }

    /// <summary>The path of a link by which somebody new owns an organization of their own.</summary>
    public async Task<(string Email, string Path)> NewOwnerAsync()
    {
        var email = $"p{Random.Shared.NextInt64():x}@example.com";
        var command = await Server.CommandAsync("orgs", "create", "--name", "Owls", "--email", email, "--data", Server.DataFolder, "--json");
        command.ExitCode.ShouldBe(0, command.Error);
        using var made = System.Text.Json.JsonDocument.Parse(command.Output);
        return (email, new Uri(made.RootElement.GetProperty("owner").GetProperty("sign_in_url").GetString()!).AbsolutePath);
    }

    private async Task<string> SessionOfAsync(string role)
    {
        await _gate.WaitAsync();
        try
        {
            return _sessions.TryGetValue(role, out var known) ? known : _sessions[role] = await SignInAsync(role);
        }
        finally
        {
            _gate.Release();
        }
    }

    private async Task<string> SignInAsync(string role)
    {
        using var browser = new WebVisitor(Server.Address);
        var path = role == "owner" ? new Uri(Server.Installation.Owner.SignInUrl).AbsolutePath : await InviteAsync(role);
        (await browser.SubmitAsync(path, ("name", $"A {role}"), ("password", Password))).Status.ShouldBe((int)HttpStatusCode.Redirect);
        return browser.Session.ShouldNotBeNull();
    }

    private async Task<string> InviteAsync(string role)
    {
        using var client = Server.Client(Server.Installation.ApiKeys.Live);
        using var answer = await System.Net.Http.Json.HttpClientJsonExtensions.PostAsJsonAsync(client, "/v1/invitations", new { email = $"{role}@example.com", role });
        var text = await answer.Content.ReadAsStringAsync();
        answer.StatusCode.ShouldBe(HttpStatusCode.Created, text);
        using var made = System.Text.Json.JsonDocument.Parse(text);
        return new Uri(made.RootElement.GetProperty("data").GetProperty("link").GetString()!).AbsolutePath;
    }
}
