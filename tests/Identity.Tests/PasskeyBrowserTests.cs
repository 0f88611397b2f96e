using Microsoft.Playwright;

namespace Crew.Identity.Tests;

/// <summary>Passkeys in a real browser, with an authenticator that its developer tools put in.</summary>
public sealed class PasskeyBrowserTests(PeopleServer people) : BrowserBed(people)
{
    [Fact]
    public async Task A_passkey_is_made_signs_in_proves_again_and_a_copy_of_it_is_refused()
    {
        var page = await NewPageAsync();
        var (devices, id) = await AuthenticatorAsync(page);
        var email = await FirstSignInAsync(page);
        await page.GetByRole(AriaRole.Link, new() { Name = "Add a passkey" }).ClickAsync();
        await KeepAsync(page, "passkey-add");
        await page.GetByLabel("Name").FillAsync("This laptop");
        await page.GetByRole(AriaRole.Button, new() { Name = "Make the passkey" }).ClickAsync();
        await page.GetByRole(AriaRole.Heading, new() { Name = "Keep these codes" }).WaitForAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Go on to your account" }).ClickAsync();
        await KeepAsync(page, "account-passkey");
        (await page.GetByLabel("Name of the passkey This laptop").CountAsync()).ShouldBe(1);

        await page.GotoAsync("/account/step-up");
        await KeepAsync(page, "step-up-passkey");
        await page.GetByRole(AriaRole.Button, new() { Name = "Use a passkey" }).ClickAsync();
        await page.WaitForURLAsync("**/account");

        await SignOutAsync(page, devices, id);
        await KeepAsync(page, "sign-in-passkey");
        await TouchAsync(devices, id, true);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in with a passkey" }).ClickAsync();
        await page.WaitForURLAsync("**/account");
        (await page.GetByText(email).CountAsync()).ShouldBeGreaterThan(0);

        // The same key with a count that stands still is what a copy shows.
        var key = (await devices.SendAsync("WebAuthn.getCredentials", Named(id)))!.Value.GetProperty("credentials")[0];
        await devices.SendAsync("WebAuthn.clearCredentials", Named(id));
        var copy = key.EnumerateObject().ToDictionary(p => p.Name, p => (object)p.Value);
        copy["signCount"] = 0;
        await devices.SendAsync("WebAuthn.addCredential", new() { ["authenticatorId"] = id, ["credential"] = copy });
        await SignOutAsync(page, devices, id);
        await TouchAsync(devices, id, true);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in with a passkey" }).ClickAsync();
        await page.GetByText("This passkey was not taken").WaitForAsync();
        await KeepAsync(page, "passkey-refused");
    }

    [Fact]
    public async Task After_the_password_the_passkey_is_the_second_step()
    {
        var page = await NewPageAsync();
        var (devices, id) = await AuthenticatorAsync(page);
        var email = await FirstSignInAsync(page);
        await page.GotoAsync("/account/passkeys/add");
        await page.GetByRole(AriaRole.Button, new() { Name = "Make the passkey" }).ClickAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Go on to your account" }).ClickAsync();
        await SignOutAsync(page, devices, id);
        await page.GetByLabel("E-mail").FillAsync(email);
        await page.GetByLabel("Password").FillAsync(PeopleServer.Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in", Exact = true }).ClickAsync();
        await page.GetByLabel("Recovery code").WaitForAsync();
        await KeepAsync(page, "factor-passkey");
        await TouchAsync(devices, id, true);
        await page.GetByRole(AriaRole.Button, new() { Name = "Use a passkey" }).ClickAsync();
        await page.WaitForURLAsync("**/account");
    }

    [Fact]
    public async Task A_device_that_does_not_verify_its_person_makes_none_and_says_so()
    {
        var page = await NewPageAsync();
        await AuthenticatorAsync(page, isVerified: false);
        await FirstSignInAsync(page);
        await page.GotoAsync("/account/passkeys/add");
        await page.GetByRole(AriaRole.Button, new() { Name = "Make the passkey" }).ClickAsync();
        await page.GetByText("The browser gave no passkey").WaitForAsync();
        await KeepAsync(page, "passkey-none");
    }

    /// <summary>A headless browser chooses by itself what others offer in the field of the address.</summary>
    [Fact]
    public async Task A_passkey_that_is_chosen_in_the_field_of_the_address_signs_in()
    {
        var page = await NewPageAsync();
        await AuthenticatorAsync(page);
        await FirstSignInAsync(page);
        await page.GotoAsync("/account/passkeys/add");
        await page.GetByRole(AriaRole.Button, new() { Name = "Make the passkey" }).ClickAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Go on to your account" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign out" }).ClickAsync();
        await page.WaitForURLAsync("**/sign-in");
        await page.WaitForURLAsync("**/account");
    }

    /// <summary>Signs out with the device put away, so that nothing is chosen by itself.</summary>
    private static async Task SignOutAsync(IPage page, ICDPSession devices, string id)
    {
        await TouchAsync(devices, id, false);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign out" }).ClickAsync();
        await page.WaitForURLAsync("**/sign-in");
    }

    private static Task TouchAsync(ICDPSession devices, string id, bool isThere) =>
        devices.SendAsync("WebAuthn.setAutomaticPresenceSimulation", new() { ["authenticatorId"] = id, ["enabled"] = isThere });

    private static Dictionary<string, object> Named(string id) => new() { ["authenticatorId"] = id };

    private static async Task<(ICDPSession Devices, string Id)> AuthenticatorAsync(IPage page, bool isVerified = true)
    {
        var devices = await page.Context.NewCDPSessionAsync(page);
        await devices.SendAsync("WebAuthn.enable", new() { ["enableUI"] = false });
        var made = await devices.SendAsync("WebAuthn.addVirtualAuthenticator", new()
        {
            ["options"] = new Dictionary<string, object>
            {
                ["protocol"] = "ctap2", ["transport"] = "internal", ["hasResidentKey"] = true, ["hasUserVerification"] = true, ["isUserVerified"] = isVerified,
                ["automaticPresenceSimulation"] = true,
            },
        });
        return (devices, made!.Value.GetProperty("authenticatorId").GetString()!);
    }
}
