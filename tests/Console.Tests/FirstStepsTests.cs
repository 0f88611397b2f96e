using System.Text;
using Microsoft.Playwright;

namespace Crew.Console.Tests;

/// <summary>From the printed link to an answered request, as a new owner goes.</summary>
public sealed class FirstStepsTests(ConsoleStage stage)
{
    [Fact]
    public async Task A_new_owner_comes_from_the_link_to_a_first_answered_request_of_a_capped_key()
    {
        var (_, path) = await stage.NewOwnerAsync();
        await using var visit = await stage.OpenAsync();
        var page = visit.Page;
        await page.GotoAsync(path);
        await page.GetByLabel("New password").FillAsync("seven grey owls at dusk");
        await page.GetByRole(AriaRole.Button).Last.ClickAsync();
        await page.WaitForURLAsync("**/account");
        await page.GotoAsync("/");
        await page.WaitForURLAsync("**/w/ws_*");
        await visit.Link("Begin").ClickAsync();

        await page.GetByText("You are signed in as").WaitForAsync();
        await visit.Button("Next").ClickAsync();
        await page.GetByLabel("Name of the workspace").FillAsync("Owls and sons");
        await visit.Button("Next").ClickAsync();
        await page.GetByText("Use the sandbox").WaitForAsync();
        await visit.Button("Owls and sons").Or(visit.Button("Workspace Owls and sons: switch")).WaitForAsync();
        await visit.Button("Next").ClickAsync();
        await page.GetByLabel("Cap a day").FillAsync("0.50");
        await visit.Button("Make the key").ClickAsync();
        var key = await page.GetByTestId("key-text").InnerTextAsync();
        key.ShouldStartWith("crew_sk_live_");
        (await visit.ViolationsAsync()).ShouldBeEmpty();
        await visit.KeepAsync("first-key");
        await visit.Button("Next").ClickAsync();

        await page.GetByText("Waiting for the first request of this key").WaitForAsync();
        foreach (var sample in new[] { "curl", "OpenAI SDK", "Anthropic SDK" })
        {
            await page.GetByRole(AriaRole.Tab, new PageGetByRoleOptions { Name = sample }).ClickAsync();
            (await page.Locator("pre").InnerTextAsync()).ShouldContain(key);
        }

        (await visit.ViolationsAsync()).ShouldBeEmpty();
        await visit.KeepAsync("first-request");
        using var client = stage.Server.Client(key);
        using var asked = new StringContent("""{"model":"crew-sandbox-echo","messages":[{"role":"user","content":"Hello, Crew"}]}""", Encoding.UTF8, "application/json");
        using var answer = await client.PostAsync("/v1/chat/completions", asked, TestContext.Current.CancellationToken);
        ((int)answer.StatusCode).ShouldBe(200);
        await page.GetByText("The first request has arrived.").WaitForAsync();
        await visit.KeepAsync("first-request-arrived");
        visit.TakeComplaints().Where(c => !c.Contains("401")).ShouldBeEmpty();
    }
}
