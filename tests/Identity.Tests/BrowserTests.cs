using Crew.Identity.Mfa;
using Microsoft.Playwright;

namespace Crew.Identity.Tests;

/// <summary>The pages in a real browser, from the first link on.</summary>
public sealed class BrowserTests(PeopleServer people) : BrowserBed(people)
{
    [Fact]
    public async Task A_first_link_signs_in_and_a_session_is_revoked_from_another_browser()
    {
        var (email, path) = await People.PersonAsync();
        var page = await NewPageAsync();
        await page.GotoAsync(path);
        await KeepAsync(page, "welcome");
        await page.GetByLabel("New password").FillAsync(PeopleServer.Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Set password and sign in" }).ClickAsync();
        await page.WaitForURLAsync("**/account");
        await KeepAsync(page, "account");

        var other = await NewPageAsync();
        await SignInAsync(other, email);
        (await other.GetByRole(AriaRole.Heading, new() { Name = "Your account" }).CountAsync()).ShouldBe(1);
        await page.ReloadAsync();
        await page.GetByRole(AriaRole.Row).Filter(new() { HasNotText = "this one" }).GetByRole(AriaRole.Button, new() { NameRegex = new("End the session") }).ClickAsync();
        await page.WaitForURLAsync("**/account");
        await other.ReloadAsync();
        other.Url.ShouldContain("/sign-in");
        await KeepAsync(other, "sign-in");
    }

    [Fact]
    public async Task A_wrong_password_is_told_to_people_and_screen_readers()
    {
        var page = await NewPageAsync();
        await page.GotoAsync("/sign-in");
        await page.GetByLabel("E-mail").FillAsync("nobody@example.com");
        await page.GetByLabel("Password").FillAsync("a wrong password it is");
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in", Exact = true }).ClickAsync();
        await page.GetByRole(AriaRole.Alert).WaitForAsync();
        await KeepAsync(page, "sign-in-wrong");
    }

    [Fact]
    public async Task An_invited_person_joins_by_the_link()
    {
        var (_, ownerPath) = await People.PersonAsync();
        var owner = await NewPageAsync();
        await owner.GotoAsync(ownerPath);
        await owner.GetByLabel("New password").FillAsync(PeopleServer.Password);
        await owner.GetByRole(AriaRole.Button).Last.ClickAsync();
        await owner.WaitForURLAsync("**/account");
        var answer = await owner.Context.APIRequest.PostAsync("/v1/invitations", new APIRequestContextOptions
        {
            Headers = new Dictionary<string, string> { ["Sec-Fetch-Site"] = "same-origin" },
            DataObject = new { email = $"b{Random.Shared.NextInt64():x}@example.com", role = "viewer" },
        });
        var made = (await answer.JsonAsync())!.Value.GetProperty("data");
        var guest = await NewPageAsync();
        await guest.GotoAsync(new Uri(made.GetProperty("link").GetString()!).AbsolutePath);
        await KeepAsync(guest, "invite");
        await guest.GetByLabel("Your name").FillAsync("Ada");
        await guest.GetByLabel("Choose a password").FillAsync(PeopleServer.Password);
        await guest.GetByRole(AriaRole.Button, new() { Name = "Join" }).ClickAsync();
        await guest.WaitForURLAsync("**/account");
        (await guest.GetByText("viewer").CountAsync()).ShouldBeGreaterThan(0);
    }

    [Fact]
    public async Task A_password_is_changed_and_proven_again()
    {
        var (_, path) = await People.PersonAsync();
        var page = await NewPageAsync();
        await page.GotoAsync(path);
        await page.GetByLabel("New password").FillAsync(PeopleServer.Password);
        await page.GetByRole(AriaRole.Button).Last.ClickAsync();
        await page.WaitForURLAsync("**/account");
        await page.GotoAsync("/account/step-up");
        await KeepAsync(page, "step-up");
        await page.GetByLabel("Present password").FillAsync(PeopleServer.Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Go on" }).ClickAsync();
        await page.WaitForURLAsync("**/account");
        await page.GetByRole(AriaRole.Link, new() { Name = "Change the password" }).ClickAsync();
        await KeepAsync(page, "password");
        await page.GetByLabel("Present password").FillAsync(PeopleServer.Password);
        await page.GetByLabel("New password").FillAsync("nine brown bears at noon");
        await page.GetByRole(AriaRole.Button, new() { Name = "Change the password" }).ClickAsync();
        await page.WaitForURLAsync("**/account");
    }

    [Fact]
    public async Task An_authenticator_app_is_set_up_and_asked_for()
    {
        var (email, path) = await People.PersonAsync();
        var page = await NewPageAsync();
        await page.GotoAsync(path);
        await page.GetByLabel("New password").FillAsync(PeopleServer.Password);
        await page.GetByRole(AriaRole.Button).Last.ClickAsync();
        await page.WaitForURLAsync("**/account");
        await page.GetByRole(AriaRole.Link, new() { Name = "Set one up" }).ClickAsync();
        await page.GetByRole(AriaRole.Img).WaitForAsync();
        await KeepAsync(page, "authenticator");
        var secret = SecondFactorTests.FromBase32((await page.Locator("code").First.InnerTextAsync()).Replace(" ", "", StringComparison.Ordinal));
        await page.GetByRole(AriaRole.Textbox, new() { Name = "Code" }).FillAsync(Totp.CodeAt(secret, DateTimeOffset.UtcNow));
        await page.GetByRole(AriaRole.Button, new() { Name = "Confirm" }).ClickAsync();
        await page.GetByRole(AriaRole.Heading, new() { Name = "Keep these codes" }).WaitForAsync();
        await KeepAsync(page, "recovery-codes");
        var recovery = await page.Locator(".codes li").First.InnerTextAsync();

        var other = await NewPageAsync();
        await other.GotoAsync("/sign-in");
        await other.GetByLabel("E-mail").FillAsync(email);
        await other.GetByLabel("Password").FillAsync(PeopleServer.Password);
        await other.GetByRole(AriaRole.Button, new() { Name = "Sign in", Exact = true }).ClickAsync();
        await other.GetByLabel("Code of your authenticator app").WaitForAsync();
        await KeepAsync(other, "factor");
        await other.GotoAsync("/account");
        other.Url.ShouldContain("/sign-in");
        await other.GoBackAsync();
        await other.GetByLabel("Code of your authenticator app").FillAsync(recovery);
        await other.GetByRole(AriaRole.Button, new() { Name = "Go on" }).ClickAsync();
        await other.WaitForURLAsync("**/account");
    }

    private static async Task SignInAsync(IPage page, string email)
    {
        await page.GotoAsync("/sign-in");
        await page.GetByLabel("E-mail").FillAsync(email);
        await page.GetByLabel("Password").FillAsync(PeopleServer.Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in", Exact = true }).ClickAsync();
        await page.WaitForURLAsync("**/account");
    }
}
