using Crew.Testing;
using Microsoft.Playwright;

namespace Crew.Identity.Tests;

/// <summary>A real browser at the running product.</summary>
public abstract class BrowserBed(PeopleServer people) : IAsyncLifetime
{
    private static readonly string Pictures = Path.Combine(CrewExecutable.RepositoryRoot, "artifacts", "test-pages");

    private IPlaywright _playwright = null!;
    private IBrowser _browser = null!;

    protected PeopleServer People => people;

    public async ValueTask InitializeAsync()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/chromium"), "No Chromium here.");
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions
        {
            ExecutablePath = "/usr/bin/chromium",
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
        GC.SuppressFinalize(this);
    }

    /// <summary>Signs a new person in by their first link; their address.</summary>
    protected async Task<string> FirstSignInAsync(IPage page)
    {
        var (email, path) = await people.PersonAsync();
        await page.GotoAsync(path);
        await page.GetByLabel("New password").FillAsync(PeopleServer.Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Set password and sign in" }).ClickAsync();
        await page.WaitForURLAsync("**/account");
        return email;
    }

    protected async Task<IPage> NewPageAsync()
    {
        var context = await _browser.NewContextAsync(new BrowserNewContextOptions { BaseURL = people.Server.PublicAddress.ToString(), ViewportSize = new() { Width = 900, Height = 900 } });
        return await context.NewPageAsync();
    }

    /// <summary>Keeps pictures of a page, wide and light, and narrow and dark; nothing of it lies beyond a narrow screen.</summary>
    protected static async Task KeepAsync(IPage page, string name)
    {
        await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(Pictures, $"{name}.png"), FullPage = true });
        await page.SetViewportSizeAsync(360, 740);
        await page.EmulateMediaAsync(new PageEmulateMediaOptions { ColorScheme = ColorScheme.Dark });
        await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(Pictures, $"{name}-narrow.png"), FullPage = true });
        (await page.EvaluateAsync<int>("document.documentElement.scrollWidth")).ShouldBeLessThanOrEqualTo(360, name);
        await page.EmulateMediaAsync(new PageEmulateMediaOptions { ColorScheme = ColorScheme.Light });
        await page.SetViewportSizeAsync(900, 900);
    }
}
