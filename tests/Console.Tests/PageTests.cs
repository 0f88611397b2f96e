using Microsoft.Playwright;

namespace Crew.Console.Tests;

/// <summary>Every page, as each kind of person, in both schemes and down to 360 px: nothing fails, nothing is stopped, axe finds nothing.</summary>
public sealed class PageTests(ConsoleStage stage)
{
    private static readonly string[] Everybody = ["", "/gateway/models", "/gateway/usage", "/gateway/requests", "/crews", "/sessions"];

    private static readonly string[] Administrators =
    [
        "/start?step=3", "/keys", "/keys/new", "/gateway/providers", "/gateway/providers?add=true", "/gateway/budgets", "/gateway/budgets?add=true",
        "/gateway/playground", "/people", "/people?tab=invitations", "/people?tab=roles", "/people?invite=true", "/alerts", "/audit", "/organization", "/nothing/here",
    ];

    [Theory]
    [InlineData("owner", 1280, ColorScheme.Light)]
    [InlineData("owner", 360, ColorScheme.Dark)]
    [InlineData("viewer", 360, ColorScheme.Light)]
    public async Task Every_page_is_whole(string role, int width, ColorScheme scheme)
    {
        await using var visit = await stage.EnterAsync(role, width, 800, scheme);
        var wrong = new List<string>();
        string[] paths = role == "owner" ? [.. Everybody, .. Administrators, $"/crews/{stage.Server.Installation.Crews.Production}"] : Everybody;
        foreach (var path in paths)
        {
            await visit.GoAsync(path);
            wrong.AddRange((await visit.ViolationsAsync()).Select(v => $"{path}: axe {v}"));
            wrong.AddRange(visit.TakeComplaints().Select(c => $"{path}: {c}"));
            wrong.AddRange(await visit.IsTooWideAsync() ? [$"{path}: wider than the window"] : []);
            await visit.KeepAsync($"{role}-{width}{path.Replace('/', '-').Replace('?', '-')}");
        }

        wrong.ShouldBeEmpty();
    }

    [Fact]
    public async Task What_a_viewer_may_not_do_is_absent_and_refused()
    {
        await using var visit = await stage.EnterAsync("viewer");
        await visit.GoAsync("");
        var menu = visit.Page.GetByRole(AriaRole.Navigation, new PageGetByRoleOptions { Name = "Pages" });
        (await menu.GetByRole(AriaRole.Link).AllInnerTextsAsync()).ShouldBe(
            ["Overview", "Models and health", "Usage and cost", "Requests", "Crews", "Sessions", "API reference"], Case.Sensitive);

        await visit.Page.Keyboard.PressAsync("Control+k");
        await visit.Page.GetByRole(AriaRole.Combobox, new() { Name = "Go to or do" }).FillAsync("key");
        await visit.Page.GetByText("Nothing is called that.").WaitForAsync();

        // By their address the pages say so, and show nothing.
        foreach (var path in new[] { "/keys", "/gateway/providers", "/gateway/budgets", "/people", "/audit" })
        {
            await visit.GoAsync(path);
            await visit.Page.GetByText("You may not do that").First.WaitForAsync();
        }

        (await visit.CallAsync("GET", "/v1/api-keys")).ShouldBe(403);
        (await visit.CallAsync("POST", "/v1/api-keys", new { name = "x", mode = "live", permissions = new[] { "usage:read" } })).ShouldBe(403);
        (await visit.CallAsync("POST", "/v1/invitations", new { email = "x@example.com", role = "viewer" })).ShouldBe(403);
        (await visit.CallAsync("POST", "/v1/chat/completions", new { model = "crew-sandbox-echo", messages = Array.Empty<object>() })).ShouldBe(403);
        (await visit.CallAsync("GET", "/v1/audit-logs")).ShouldBe(403);
    }

    [Fact]
    public async Task Whoever_is_not_signed_in_is_sent_to_do_so_and_comes_back_to_the_same_place()
    {
        await using var visit = await stage.OpenAsync();
        await visit.Page.GotoAsync($"/w/{stage.WorkspaceId}/gateway/usage?by=key");
        await visit.Page.WaitForURLAsync("**/sign-in?next=*");
        (await visit.Page.Locator("input[name=next]").InputValueAsync()).ShouldBe($"/w/{stage.WorkspaceId}/gateway/usage?by=key");
        await visit.Page.GotoAsync("/sign-in?next=//evil.example/");
        (await visit.Page.Locator("input[name=next]").InputValueAsync()).ShouldBe("/account");
    }

    [Fact]
    public async Task A_slow_a_failing_and_a_missing_answer_are_told()
    {
        await using var visit = await stage.EnterAsync("owner");
        await visit.GoAsync("");
        var fails = true;
        await visit.Page.RouteAsync("**/v1/gateway/requests?*", async route =>
        {
            if (fails)
            {
                await route.FulfillAsync(new RouteFulfillOptions
                {
                    Status = 403,
                    ContentType = "application/json",
                    Headers = new Dictionary<string, string> { ["X-Request-Id"] = "req_01m8qkt596e21a8b4sct83nhc5" },
                    Body = """{"success":false,"error":{"code":"mfa_required","message":"A second factor is asked for."},"request_id":"req_01m8qkt596e21a8b4sct83nhc5"}""",
                });
                return;
            }

            await Task.Delay(300);
            await route.ContinueAsync();
        });
        await visit.Link("Requests").ClickAsync();
        await visit.Page.GetByText("A second factor is asked for.").WaitForAsync();
        await visit.Page.GetByText("req_01m8qkt596e21a8b4sct83nhc5").WaitForAsync();
        (await visit.Link("What mfa_required means").GetAttributeAsync("href")).ShouldBe("/docs/errors/mfa_required");
        fails = false;
        await visit.Button("Try again").ClickAsync();
        await visit.Heading("Requests").WaitForAsync();

        await visit.Page.RouteAsync("**/v1/sessions*", route => route.AbortAsync());
        await visit.Link("Sessions").ClickAsync();
        await visit.Page.GetByText("The server does not answer").WaitForAsync(new LocatorWaitForOptions { Timeout = 15_000 });
    }

    [Fact]
    public async Task The_keyboard_alone_leads_everywhere()
    {
        await using var visit = await stage.EnterAsync("owner");
        await visit.GoAsync("");
        await visit.Page.Keyboard.PressAsync("Tab");
        (await visit.Page.EvaluateAsync<string>("() => document.activeElement.textContent")).ShouldBe("Skip to the content");
        await visit.Page.Keyboard.PressAsync("Control+k");
        await visit.Page.GetByRole(AriaRole.Combobox, new() { Name = "Go to or do" }).PressSequentiallyAsync("audit");
        await visit.Page.Keyboard.PressAsync("Enter");
        await visit.Heading("Audit log").WaitForAsync();
        (await visit.Page.EvaluateAsync<string>("() => document.activeElement.id")).ShouldBe("main");

        await visit.Page.Keyboard.PressAsync("Control+k");
        await visit.Page.GetByRole(AriaRole.Combobox, new() { Name = "Go to or do" }).FillAsync("req_01m8qkt596e21a8b4sct83nhc5");
        await visit.Page.Keyboard.PressAsync("Enter");
        await visit.Heading("Request").WaitForAsync();
    }
}
