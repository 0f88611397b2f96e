using System.Text.Json;
using Crew.Testing;
using Microsoft.Playwright;

namespace Crew.Console.Tests;

/// <summary>One browser, and all that goes wrong in it: script errors, failed requests, what the content security policy has stopped.</summary>
public sealed class Visit : IAsyncDisposable
{
    private static readonly string Pictures = Path.Combine(CrewExecutable.RepositoryRoot, "artifacts", "test-console");

    private static readonly string Axe = Path.Combine(CrewExecutable.RepositoryRoot, "console", "node_modules", "axe-core", "axe.min.js");

    /// <summary>Told by the page itself: a report would have to be sent somewhere.</summary>
    private const string ReportViolations =
        "addEventListener('securitypolicyviolation', e => console.error(`CSP: ${e.violatedDirective} ${e.blockedURI} ${e.sample}`))";

    private readonly List<string> _complaints = [];
    private readonly string _workspaceId;

    private Visit(IPage page, string workspaceId) => (Page, _workspaceId) = (page, workspaceId);

    public IPage Page { get; }

    public static async Task<Visit> OpenAsync(IBrowserContext context, string workspaceId)
    {
        await context.AddInitScriptAsync(ReportViolations);
        var visit = new Visit(await context.NewPageAsync(), workspaceId);
        visit.Page.Console += (_, message) => visit.Note(message.Type is "error" or "warning" ? message.Text : null);
        visit.Page.PageError += (_, error) => visit.Note(error);
        visit.Page.Request += (_, request) => visit.Note(new Uri(request.Url).Host is "127.0.0.1" or "" ? null : $"asks {request.Url}");
        return visit;
    }

    /// <summary>Goes to a page of the workspace and waits until it is there and nothing loads any more.</summary>
    public async Task GoAsync(string path)
    {
        await Page.GotoAsync($"/w/{_workspaceId}{path}");
        await Page.Locator("main h1").WaitForAsync();
        await SettledAsync();
    }

    public async Task SettledAsync()
    {
        await Page.WaitForFunctionAsync("() => !document.querySelector('[role=status][aria-label=Loading]')");
    }

    public ILocator Button(string name) => Page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = name, Exact = true });

    public ILocator Link(string name) => Page.GetByRole(AriaRole.Link, new PageGetByRoleOptions { Name = name, Exact = true });

    public ILocator Heading(string name) => Page.GetByRole(AriaRole.Heading, new PageGetByRoleOptions { Name = name, Exact = true });

    /// <summary>What axe-core finds against WCAG 2.2 AA and its best practices, one line for each kind.</summary>
    public async Task<IReadOnlyList<string>> ViolationsAsync()
    {
        // Injected by the debugger: a script element would be stopped by the policy.
        var session = await Page.Context.NewCDPSessionAsync(Page);
        await session.SendAsync("Runtime.evaluate", new Dictionary<string, object> { ["expression"] = await File.ReadAllTextAsync(Axe) });
        var found = await session.SendAsync("Runtime.evaluate", new Dictionary<string, object>
        {
            ["expression"] = """
                axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })
                  .then(r => r.violations.map(v => `${v.id}: ${v.nodes.map(n => n.target.join(" ")).slice(0, 3).join(", ")}`))
                """,
            ["awaitPromise"] = true,
            ["returnByValue"] = true,
        });
        await session.DetachAsync();
        return found!.Value.GetProperty("result").GetProperty("value").Deserialize<string[]>()!;
    }

    /// <summary>Whether the page is wider than the window.</summary>
    public Task<bool> IsTooWideAsync() =>
        Page.EvaluateAsync<bool>("() => document.documentElement.scrollWidth > document.documentElement.clientWidth");

    public Task KeepAsync(string name) => Page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(Pictures, $"{name}.png") });

    /// <summary>What went wrong so far; it is forgotten with that.</summary>
    public IReadOnlyList<string> TakeComplaints()
    {
        lock (_complaints)
        {
            string[] taken = [.. _complaints];
            _complaints.Clear();
            return taken;
        }
    }

    /// <summary>An answer of the API to the person who sits here.</summary>
    public async Task<int> CallAsync(string method, string path, object? body = null)
    {
        var answer = await Page.Context.APIRequest.FetchAsync(path, new APIRequestContextOptions
        {
            Method = method,
            DataObject = body,
            Headers = new Dictionary<string, string> { ["Sec-Fetch-Site"] = "same-origin", ["X-Crew-Workspace"] = _workspaceId },
        });
        return answer.Status;
    }

    public async ValueTask DisposeAsync() => await Page.Context.DisposeAsync();

    private void Note(string? complaint)
    {
        if (complaint is not null)
        {
            lock (_complaints)
            {
                _complaints.Add(complaint);
            }
        }
    }
}
