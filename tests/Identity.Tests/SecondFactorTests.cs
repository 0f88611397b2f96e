using System.Text;
using System.Text.RegularExpressions;
using Crew.Identity.Mfa;
using Crew.Identity.SignIn;
using Crew.Testing;

namespace Crew.Identity.Tests;

public sealed class TotpTests
{
    /// <summary>RFC 6238 appendix B, the SHA-1 column; its eight digits end in the six that apps show.</summary>
    [Theory]
    [InlineData(59, "287082")]
    [InlineData(1111111109, "081804")]
    [InlineData(1111111111, "050471")]
    [InlineData(1234567890, "005924")]
    [InlineData(2000000000, "279037")]
    [InlineData(20000000000, "353130")]
    public void Codes_are_those_of_the_standard(long at, string code) =>
        Totp.CodeAt(Encoding.ASCII.GetBytes("12345678901234567890"), DateTimeOffset.FromUnixTimeSeconds(at)).ShouldBe(code);

    [Theory]
    [InlineData("", "")]
    [InlineData("f", "MY")]
    [InlineData("fo", "MZXQ")]
    [InlineData("foo", "MZXW6")]
    [InlineData("foob", "MZXW6YQ")]
    [InlineData("fooba", "MZXW6YTB")]
    [InlineData("foobar", "MZXW6YTBOI")]
    public void Secrets_are_written_as_RFC_4648_says(string bytes, string text) => Totp.Base32(Encoding.ASCII.GetBytes(bytes)).ShouldBe(text);

    [Fact]
    public void A_code_is_good_for_half_a_minute_to_both_sides_and_once()
    {
        var secret = Encoding.ASCII.GetBytes("12345678901234567890");
        var now = DateTimeOffset.FromUnixTimeSeconds(1_234_567_890);
        var code = Totp.CodeAt(secret, now);
        var step = Totp.Match(secret, code, 0, now).ShouldNotBeNull();
        Totp.Match(secret, code, step, now).ShouldBeNull("it was used");
        Totp.Match(secret, code, 0, now.AddSeconds(30)).ShouldBe(step);
        Totp.Match(secret, code, 0, now.AddSeconds(-30)).ShouldBe(step);
        Totp.Match(secret, code, 0, now.AddSeconds(61)).ShouldBeNull();
        Totp.Match(secret, $"{code[..3]} {code[3..]}", 0, now).ShouldBe(step);
        Totp.Match(secret, code + "1", 0, now).ShouldBeNull();
        Totp.Match(secret, "", 0, now).ShouldBeNull();
    }

    [Fact]
    public void Recovery_codes_are_known_again_however_they_are_typed()
    {
        var (codes, hashes) = RecoveryCodes.Make();
        codes.Distinct().Count().ShouldBe(10);
        for (var index = 0; index < codes.Count; index++)
        {
            RecoveryCodes.HashOf($" {codes[index].ToUpperInvariant().Replace('-', ' ')} ").ShouldBe(hashes[index]);
        }

        RecoveryCodes.HashOf("short").ShouldBeNull();
    }
}

/// <summary>An authenticator app from its setting up to its loss.</summary>
public sealed partial class SecondFactorTests(PeopleServer people)
{
    [Fact]
    public async Task An_app_is_asked_for_from_then_on_and_nothing_goes_around_it()
    {
        var (email, browser) = await people.SignedInAsync();
        var (secret, codes) = await SetUpAsync(browser);
        var thief = people.Visitor();
        (await PeopleServer.SignInAsync(thief, email)).Location!.ShouldStartWith("/sign-in/factor");
        thief.Session.ShouldBeNull();
        (await thief.GetAsync("/v1/me")).Status.ShouldBe(401, "the step is no session");
        (await thief.GetAsync("/account")).Location.ShouldBe("/sign-in?next=%2Faccount");
        (await thief.GetAsync("/account/authenticator")).Location!.ShouldStartWith("/sign-in");
        for (var tries = 0; tries < 5; tries++)
        {
            (await thief.SubmitAsync("/sign-in/factor", ("code", "000000"))).Status.ShouldBe(401);
        }

        (await thief.SubmitAsync("/sign-in/factor", ("code", codes[0]))).Location.ShouldBe("/sign-in", "after five tries the step is over");
        thief.Session.ShouldBeNull();
        (await PeopleServer.SignInAsync(thief, email)).Status.ShouldBe(302);
        (await thief.SubmitAsync("/sign-in/factor", ("code", codes[0]))).Location.ShouldBe("/account");
        (await thief.GetAsync("/v1/me")).Status.ShouldBe(200);
        using var again = people.Visitor();
        (await PeopleServer.SignInAsync(again, email)).Status.ShouldBe(302);
        (await again.SubmitAsync("/sign-in/factor", ("code", codes[0]))).Status.ShouldBe(401, "a recovery code is good once");
        secret.Length.ShouldBe(Totp.SecretBytes);
        thief.Dispose();
        browser.Dispose();
    }

    [Fact]
    public async Task Setting_it_up_needs_the_right_code_and_ends_other_sessions_and_the_operator_lets_somebody_in_who_has_lost_it()
    {
        var (email, browser) = await people.SignedInAsync();
        using var other = people.Visitor();
        (await PeopleServer.SignInAsync(other, email)).Status.ShouldBe(302);
        var page = await browser.GetAsync("/account/authenticator");
        var step = Step().Match(page.Text).Groups[1].Value;
        (await browser.SubmitAsync("/account/authenticator", ("step", step), ("code", "12"))).Status.ShouldBe(400);
        (await other.GetAsync("/v1/me")).Status.ShouldBe(200);
        await SetUpAsync(browser);
        (await other.GetAsync("/v1/me")).Status.ShouldBe(401);
        (await browser.GetAsync("/v1/me")).Status.ShouldBe(200);

        var link = await people.Server.CommandAsync("orgs", "sign-in-link", "--email", email, "--data", people.Server.DataFolder);
        link.ExitCode.ShouldBe(0, link.Error);
        const string Next = "nine brown bears at noon";
        (await other.SubmitAsync(new Uri(link.Output.Trim()).AbsolutePath, ("password", Next))).Location.ShouldBe("/account");
        (await browser.GetAsync("/v1/me")).Status.ShouldBe(401);
        using var fresh = people.Visitor();
        (await PeopleServer.SignInAsync(fresh, email, Next)).Location.ShouldBe("/account");
    }

    [Fact]
    public async Task Guessing_codes_ends_for_who_has_the_password_and_not_for_the_browser_of_the_person()
    {
        var (email, browser) = await people.SignedInAsync();
        var (_, codes) = await SetUpAsync(browser);
        using var thief = people.Visitor();
        for (var tries = 0; tries < Throttle.PerPlace; tries++)
        {
            if (tries % 5 == 0)
            {
                (await PeopleServer.SignInAsync(thief, email)).Location!.ShouldStartWith("/sign-in/factor");
            }

            (await thief.SubmitAsync("/sign-in/factor", ("code", "000000"))).Status.ShouldBe(401);
        }

        (await PeopleServer.SignInAsync(thief, email)).Location!.ShouldStartWith("/sign-in/factor");
        (await thief.SubmitAsync("/sign-in/factor", ("code", codes[0]))).Status.ShouldBe(401, "even the right code is one guess too many");

        (await PeopleServer.SignInAsync(browser, email)).Location!.ShouldStartWith("/sign-in/factor");
        (await browser.SubmitAsync("/sign-in/factor", ("code", codes[0]))).Location.ShouldBe("/account");
        for (var tries = 0; tries < Throttle.PerPlace; tries++)
        {
            (await browser.SubmitAsync("/account/authenticator/remove", ("code", "000000"))).Status.ShouldNotBe(302);
        }

        (await browser.SubmitAsync("/account/authenticator/remove", ("code", codes[1]))).Status.ShouldNotBe(302);
        browser.Dispose();
    }

    private static async Task<(byte[] Secret, List<string> Codes)> SetUpAsync(WebVisitor browser)
    {
        var page = await browser.GetAsync("/account/authenticator");
        page.Status.ShouldBe(200);
        var secret = FromBase32(Secret().Match(page.Text).Groups[1].Value.Replace(" ", ""));
        var done = await browser.SubmitAsync("/account/authenticator", ("step", Step().Match(page.Text).Groups[1].Value), ("code", Totp.CodeAt(secret, DateTimeOffset.UtcNow)));
        done.Status.ShouldBe(200, done.Text);
        return (secret, [.. Codes().Matches(done.Text).Select(m => m.Groups[1].Value)]);
    }

    internal static byte[] FromBase32(string text)
    {
        const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        var bits = string.Concat(text.Select(c => Convert.ToString(Alphabet.IndexOf(c), 2).PadLeft(5, '0')));
        return [.. bits.Chunk(8).Where(b => b.Length == 8).Select(b => Convert.ToByte(new string(b), 2))];
    }

    [GeneratedRegex("Secret: <code>([A-Z2-7 ]+)</code>")]
    private static partial Regex Secret();

    [GeneratedRegex("name=\"step\" value=\"([^\"]+)\"")]
    private static partial Regex Step();

    [GeneratedRegex("<li>([a-z2-9-]{29})</li>")]
    private static partial Regex Codes();
}
