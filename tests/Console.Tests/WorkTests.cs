using Microsoft.Playwright;

namespace Crew.Console.Tests;

/// <summary>What an owner does in the console, and that it is so at the API afterwards.</summary>
public sealed class WorkTests(ConsoleStage stage)
{
    [Fact]
    public async Task A_key_is_made_from_a_preset_rolled_with_overlap_and_revoked_with_its_report()
    {
        await using var visit = await stage.EnterAsync("owner");
        var page = visit.Page;
        var name = $"worker {Random.Shared.Next():x}";
        await visit.GoAsync("/keys/new");
        await page.GetByLabel("Name").First.FillAsync(name);
        await page.GetByLabel("Reads usage").CheckAsync();
        await page.GetByText("3 permissions").WaitForAsync();
        await page.GetByLabel("Production crews").CheckAsync();
        await page.GetByLabel("Allowed networks").FillAsync("127.0.0.300");
        await visit.Button("Make the key").ClickAsync();
        await page.GetByText("is no address and no network").WaitForAsync();
        await page.GetByLabel("Allowed networks").FillAsync("127.0.0.0/8");
        await visit.Button("Make the key").ClickAsync();
        var text = await page.GetByTestId("key-text").InnerTextAsync();
        text.ShouldStartWith("crew_prod_");
        using var client = stage.Server.Client(text);
        ((int)(await client.GetAsync("/v1/gateway/usage", TestContext.Current.CancellationToken)).StatusCode).ShouldBe(200);
        await visit.Link("I have stored it").ClickAsync();
        await visit.Heading(name).WaitForAsync();
        (await page.GetByText(text).CountAsync()).ShouldBe(0);

        await visit.Button("Edit limits").ClickAsync();
        await page.GetByLabel("Requests a minute").FillAsync("77");
        await visit.Button("Save").ClickAsync();
        await page.GetByRole(AriaRole.Main).GetByText("77").WaitForAsync();

        await visit.Button("Roll").ClickAsync();
        await page.GetByLabel("The old key works for").SelectOptionAsync("An hour");
        await visit.Button("Make the new key").ClickAsync();
        var next = await page.GetByTestId("key-text").InnerTextAsync();
        next.ShouldNotBe(text);
        (await visit.ViolationsAsync()).ShouldBeEmpty();
        await page.Keyboard.PressAsync("Escape");
        await page.GetByText("Who still uses the old key").First.WaitForAsync();

        await visit.Button("Revoke").ClickAsync();
        await page.GetByLabel("I understand").CheckAsync();
        await visit.Button("Revoke it now").ClickAsync();
        await page.GetByText("The key is revoked. Its last 30 days:").WaitForAsync();
        ((int)(await client.GetAsync("/v1/gateway/usage", TestContext.Current.CancellationToken)).StatusCode).ShouldBe(401);
        visit.TakeComplaints().ShouldBeEmpty();
    }

    [Fact]
    public async Task An_owner_locks_the_workspace_down_and_stays()
    {
        var (_, path) = await stage.NewOwnerAsync();
        using var first = new Testing.WebVisitor(stage.Server.Address);
        await first.SubmitAsync(path, ("password", "seven grey owls at dusk"));
        await using var visit = await stage.OpenAsync();
        await visit.Page.Context.AddCookiesAsync([new Cookie { Name = "crew_session", Value = first.Session!, Url = stage.Server.Address.ToString() }]);
        await visit.Page.GotoAsync("/");
        await visit.Link("API keys").ClickAsync();
        await visit.Button("Lock down").ClickAsync();
        await visit.Page.GetByLabel("I understand that everything").CheckAsync();
        (await visit.ViolationsAsync()).ShouldBeEmpty();
        await visit.Button("End all of them now").ClickAsync();
        await visit.Page.GetByText("All keys, tokens and other sessions have ended.").WaitForAsync();
        visit.TakeComplaints().ShouldBeEmpty();
    }

    [Fact]
    public async Task A_member_makes_a_key_of_their_own()
    {
        await using var visit = await stage.EnterAsync("member");
        await visit.GoAsync("/keys/new");
        await visit.Page.GetByLabel("Name").First.FillAsync("mine");
        await visit.Page.GetByLabel("Per", new PageGetByLabelOptions { Exact = true }).SelectOptionAsync("No cap");
        await visit.Button("Make the key").ClickAsync();
        (await visit.Page.GetByTestId("key-text").InnerTextAsync()).ShouldStartWith("crew_sk_live_");
        (await visit.ViolationsAsync()).ShouldBeEmpty();
        await visit.Link("I have stored it").ClickAsync();
        await visit.Heading("mine").WaitForAsync();
        await visit.SettledAsync();
        visit.TakeComplaints().ShouldBeEmpty();
    }

    [Fact]
    public async Task A_teammate_is_invited_with_a_lesser_role()
    {
        await using var visit = await stage.EnterAsync("owner");
        await visit.GoAsync("/people");
        await visit.Button("Invite somebody").ClickAsync();
        var email = $"g{Random.Shared.NextInt64():x}@example.com";
        await visit.Page.GetByLabel("E-mail").FillAsync(email);
        await visit.Page.GetByLabel("Role", new PageGetByLabelOptions { Exact = true }).SelectOptionAsync("Viewer");
        await visit.Button("Invite").ClickAsync();
        var link = await visit.Page.GetByTestId("invite-link").InnerTextAsync();
        link.ShouldContain("/invite/");
        await visit.Button("Done").ClickAsync();
        await visit.Page.GetByRole(AriaRole.Tab, new PageGetByRoleOptions { Name = "Invitations" }).ClickAsync();
        await visit.Button($"Take back the invitation of {email}").ClickAsync();
        await visit.Page.GetByRole(AriaRole.Row).Filter(new LocatorFilterOptions { HasText = email }).GetByText("revoked").WaitForAsync();
        await using var guest = await stage.OpenAsync();
        (await guest.Page.GotoAsync(new Uri(link).AbsolutePath))!.Status.ShouldBe(404);
    }

    [Fact]
    public async Task A_budget_is_set_that_refuses_and_says_why()
    {
        await using var visit = await stage.EnterAsync("owner");
        var key = await stage.Server.CreateKeyAsync(new Testing.NewKey { Name = $"capped {Random.Shared.Next():x}" });
        await visit.GoAsync("/gateway/budgets?add=true");
        await visit.Page.GetByLabel("Which one").SelectOptionAsync(key.Id);
        await visit.Page.GetByLabel("Amount").FillAsync("0.000001");
        await visit.Button("Set the budget").ClickAsync();
        await visit.Page.GetByText("$0.000001").First.WaitForAsync();
        using var client = stage.Server.Client(key.Key);
        using var asked = new StringContent("""{"model":"crew-sandbox-echo","messages":[{"role":"user","content":"Hello"}]}""", System.Text.Encoding.UTF8, "application/json");
        ((int)(await client.PostAsync("/v1/chat/completions", asked, TestContext.Current.CancellationToken)).StatusCode).ShouldBe(402);
        await visit.Page.GetByRole(AriaRole.Row).Filter(new LocatorFilterOptions { HasText = "$0.000001" }).GetByRole(AriaRole.Link).First.ClickAsync();
        await visit.Heading("Why it refuses or does not").WaitForAsync();
        await visit.SettledAsync();
        (await visit.ViolationsAsync()).ShouldBeEmpty();
        visit.TakeComplaints().ShouldBeEmpty();
    }

    [Fact]
    public async Task The_playground_streams_an_answer_and_leads_to_its_record()
    {
        await using var visit = await stage.EnterAsync("owner");
        await visit.GoAsync("/gateway/playground");
        await visit.Page.GetByLabel("Message").FillAsync("One word after another");
        await visit.Button("Send").ClickAsync();
        await visit.Page.GetByText("Answered by the sandbox").WaitForAsync();
        (await visit.Page.GetByTestId("answer").InnerTextAsync()).ShouldContain("One word after another");
        (await visit.ViolationsAsync()).ShouldBeEmpty();
        await visit.Link("Request").ClickAsync();
        await visit.Heading("Attempt 1").WaitForAsync();
        (await visit.ViolationsAsync()).ShouldBeEmpty();
        visit.TakeComplaints().ShouldBeEmpty();
    }

    [Fact]
    public async Task The_audit_log_is_filtered_read_and_exported()
    {
        await using var visit = await stage.EnterAsync("owner");
        await visit.GoAsync("/audit");
        await visit.Page.GetByLabel("Event").FillAsync("workspace.*");
        await visit.Page.GetByRole(AriaRole.Main).GetByRole(AriaRole.Button, new LocatorGetByRoleOptions { Name = "Search" }).ClickAsync();
        await visit.Page.WaitForURLAsync("**event_type=workspace*");
        await visit.Link("workspace.created").First.ClickAsync();
        await visit.Heading("Audit record").WaitForAsync();
        await visit.SettledAsync();
        (await visit.ViolationsAsync()).ShouldBeEmpty();
        await visit.Page.GoBackAsync();
        var file = await visit.Page.RunAndWaitForDownloadAsync(() => visit.Button("Export CSV").ClickAsync());
        (await File.ReadAllTextAsync(await file.PathAsync(), TestContext.Current.CancellationToken)).ShouldContain("workspace.created");
        visit.TakeComplaints().ShouldBeEmpty();
    }
}
