using System.Text.RegularExpressions;
using Crew.Testing;

namespace Crew.Identity.Tests;

/// <summary>The way in by link and by password, and what holds attackers off on it.</summary>
public sealed partial class SignInTests(PeopleServer people)
{
    [Fact]
    public async Task A_form_that_is_none_is_the_senders_fault()
    {
        var (_, path) = await people.PersonAsync();
        using var browser = people.Visitor();
        foreach (var to in new[] { "/sign-in", path })
        {
            (await browser.SubmitAsync(to, ("email", "a\0@example.com"), ("password", "nine\0brown bears at noon"))).Status.ShouldBe(400);
            using var parts = new StringContent("no parts at all");
            parts.Headers.ContentType = System.Net.Http.Headers.MediaTypeHeaderValue.Parse("multipart/form-data; boundary=x");
            (await browser.SendAsync(HttpMethod.Post, to, parts, ("Sec-Fetch-Site", "same-origin"))).Status.ShouldBe(400);
        }

        (await browser.SubmitAsync(path, ("password", PeopleServer.Password))).Location.ShouldBe("/account", "the link was not used up");
    }

    [Fact]
    public async Task The_link_of_the_first_start_makes_a_password_and_a_session_and_works_once()
    {
        var (email, path) = await people.PersonAsync();
        using var browser = people.Visitor();
        var page = await browser.GetAsync(path);
        page.Status.ShouldBe(200);
        page.Text.ShouldContain(email);
        (await browser.GetAsync(path)).Status.ShouldBe(200, "looking does not use it up");
        (await browser.SubmitAsync(path, ("password", PeopleServer.Password))).Location.ShouldBe("/account");
        var me = await PeopleServer.DataAsync(browser.GetAsync("/v1/me"));
        me.GetProperty("principal").GetProperty("type").GetString().ShouldBe("user");
        me.GetProperty("role").GetString().ShouldBe("owner");
        (await browser.GetAsync(path)).Status.ShouldBe(404);
        (await browser.SubmitAsync(path, ("password", "another seven grey owls"))).Status.ShouldBe(404);
        using var other = people.Visitor();
        (await PeopleServer.SignInAsync(other, email, "another seven grey owls")).Status.ShouldBe(401);
        (await PeopleServer.SignInAsync(other, email)).Location.ShouldBe("/account");
    }

    [Theory]
    [InlineData("short")]
    [InlineData("aaaaaaaaaaaaaaaaaaaa")]
    [InlineData("abcdefghijklmnopqrst")]
    [InlineData("passwordpassword2026")]
    [InlineData("welcome crew admin 1")]
    public async Task A_password_that_programs_try_first_is_not_taken(string password)
    {
        var (_, path) = await people.PersonAsync();
        using var browser = people.Visitor();
        var page = await browser.SubmitAsync(path, ("password", password));
        page.Status.ShouldBe(400);
        page.Text.ShouldContain("role=\"alert\"");
        page.Text.ShouldNotContain(password);
        browser.Session.ShouldBeNull();
    }

    [Fact]
    public async Task Enumeration_an_unknown_address_and_a_wrong_password_are_answered_alike()
    {
        var (email, browser) = await people.SignedInAsync();
        browser.Dispose();
        using var stranger = people.Visitor();
        await stranger.GetAsync("/sign-in");
        var known = await PeopleServer.SignInAsync(stranger, email, "not the right password");
        var unknown = await PeopleServer.SignInAsync(stranger, "nobody.at.all@example.com", "not the right password");
        known.Status.ShouldBe(401);
        unknown.Status.ShouldBe(401);
        Said(known, email).ShouldBe(Said(unknown, "nobody.at.all@example.com"));
        Shown(known).ShouldBe(Shown(unknown));

        // The challenge of a passkey is another one on each page, for known and unknown addresses alike.
        static string Said(WebPage page, string email) => Challenge().Replace(page.Text.Replace(email, "", StringComparison.Ordinal), "");
        static string Shown(WebPage page) => string.Join('\n', page.Headers.Where(h => !h.Key.Equals("X-Request-Id", StringComparison.OrdinalIgnoreCase) && h.Key is not ("Date" or "Content-Length")
            && !h.Key.StartsWith("X-RateLimit", StringComparison.Ordinal)).Select(h => $"{h.Key}: {h.Value}"));
    }

    [Fact]
    public async Task Lock_out_a_stranger_who_fails_a_hundred_times_keeps_no_person_out_of_their_own_browser()
    {
        var (email, browser) = await people.SignedInAsync();
        using var stranger = people.Visitor();
        for (var tries = 0; tries < 12; tries++)
        {
            (await PeopleServer.SignInAsync(stranger, email, $"guess number {tries} of many")).Status.ShouldBe(401);
        }

        (await PeopleServer.SignInAsync(stranger, email)).Status.ShouldBe(401, "the stranger is held back, even with the right password");
        using var elsewhere = people.Visitor();
        (await PeopleServer.SignInAsync(elsewhere, email)).Status.ShouldBe(302, "another network is not");
        (await PeopleServer.SignInAsync(browser, email)).Status.ShouldBe(302, "nor is the browser that was signed in before");
        browser.Dispose();
    }

    [Fact]
    public async Task Session_fixation_a_sign_in_never_keeps_the_cookie_that_it_came_with()
    {
        var (email, browser) = await people.SignedInAsync();
        var planted = browser.Session!;
        (await PeopleServer.SignInAsync(browser, email)).Status.ShouldBe(302);
        browser.Session.ShouldNotBe(planted);
        using var holder = people.Visitor();
        (await holder.GetAsync("/v1/me", ("Cookie", $"crew_session={planted}"))).Status.ShouldBe(401);
        browser.Dispose();
    }

    [Theory]
    [InlineData("cross-site", null)]
    [InlineData("same-site", null)]
    [InlineData(null, "https://evil.example")]
    public async Task Csrf_a_form_that_another_site_has_sent_changes_nothing(string? site, string? origin)
    {
        var (email, browser) = await people.SignedInAsync();
        var headers = new[] { ("Sec-Fetch-Site", site), ("Origin", origin) }.Where(h => h.Item2 is not null).Select(h => (h.Item1, h.Item2!)).ToArray();
        (await browser.PostAsync("/account/sign-out", [], headers)).Status.ShouldBe(403);
        (await browser.PostAsync("/account/name", [("name", "Mallory")], headers)).Status.ShouldBe(403);
        (await browser.PostAsync("/sign-in", [("email", email), ("password", PeopleServer.Password)], headers)).Status.ShouldBe(403);
        (await PeopleServer.DataAsync(browser.GetAsync("/v1/me"))).GetProperty("principal").GetProperty("name").GetString().ShouldBe(email);
        browser.Dispose();
    }

    [Fact]
    public async Task Csrf_a_client_that_says_no_origin_needs_the_token_of_the_session()
    {
        var (_, browser) = await people.SignedInAsync();
        var session = (await PeopleServer.DataAsync(browser.GetAsync("/v1/sessions")))[0].GetProperty("id").GetString();
        var token = (await PeopleServer.DataAsync(browser.GetAsync("/v1/me"))).GetProperty("csrf_token").GetString()!;
        (await browser.SendAsync(HttpMethod.Delete, $"/v1/sessions/{session}", null)).Status.ShouldBe(403);
        (await browser.SendAsync(HttpMethod.Delete, $"/v1/sessions/{session}", null, ("X-Crew-Csrf", "wrong"))).Status.ShouldBe(403);
        (await browser.SendAsync(HttpMethod.Delete, $"/v1/sessions/{session}", null, ("Sec-Fetch-Site", "cross-site"), ("X-Crew-Csrf", token))).Status.ShouldBe(403);
        (await browser.SendAsync(HttpMethod.Delete, $"/v1/sessions/{session}", null, ("X-Crew-Csrf", token))).Status.ShouldBe(200);
        (await browser.GetAsync("/v1/me")).Status.ShouldBe(401);
        browser.Dispose();
    }

    [Theory]
    [InlineData("//evil.example")]
    [InlineData("https://evil.example/")]
    [InlineData("/\\evil.example")]
    public async Task Open_redirect_signing_in_leads_to_this_server_only(string next)
    {
        var (email, browser) = await people.SignedInAsync();
        (await browser.SubmitAsync("/sign-in", ("email", email), ("password", PeopleServer.Password), ("next", next))).Location.ShouldBe("/account");
        browser.Dispose();
    }

    [Fact]
    public async Task Host_header_a_link_never_takes_its_host_from_the_request()
    {
        var (_, path) = await people.PersonAsync();
        using var browser = people.Visitor();
        (await browser.GetAsync(path, ("Host", "evil.example"))).Text.ShouldNotContain("evil.example");
    }

    [Fact]
    public async Task Changing_the_password_asks_for_the_present_one_and_ends_all_other_sessions()
    {
        var (email, browser) = await people.SignedInAsync();
        using var other = people.Visitor();
        (await PeopleServer.SignInAsync(other, email)).Status.ShouldBe(302);
        const string Next = "nine brown bears at noon";
        (await browser.SubmitAsync("/account/password", ("present", "a wrong present one"), ("password", Next))).Status.ShouldBe(400);
        (await browser.SubmitAsync("/account/password", ("present", PeopleServer.Password), ("password", Next))).Location.ShouldBe("/account");
        (await browser.GetAsync("/v1/me")).Status.ShouldBe(200);
        (await other.GetAsync("/v1/me")).Status.ShouldBe(401);
        (await PeopleServer.SignInAsync(other, email)).Status.ShouldBe(401);
        (await PeopleServer.SignInAsync(other, email, Next)).Status.ShouldBe(302);
        browser.Dispose();
    }

    [Fact]
    public async Task The_pages_may_not_be_framed_cached_or_given_scripts()
    {
        using var browser = people.Visitor();
        var page = await browser.GetAsync("/sign-in");
        page.Headers["Content-Security-Policy"].ShouldContain("default-src 'none'");
        page.Headers["Content-Security-Policy"].ShouldContain("frame-ancestors 'none'");
        page.Headers["Content-Security-Policy"].ShouldNotContain("unsafe");
        page.Headers["Cache-Control"].ShouldBe("no-store");
        page.Headers["Referrer-Policy"].ShouldBe("no-referrer");
    }

    [Fact]
    public async Task The_cookie_is_hidden_from_scripts_and_from_other_sites()
    {
        var (_, path) = await people.PersonAsync();
        using var browser = people.Visitor();
        var cookie = (await browser.SubmitAsync(path, ("password", PeopleServer.Password))).Headers["Set-Cookie"];
        cookie.ShouldContain("httponly");
        cookie.ShouldContain("samesite=lax");
        cookie.ShouldContain("path=/");
        cookie.ShouldNotContain("domain");
    }

    [GeneratedRegex("data-options=\"[^\"]*\"|name=\"state\" value=\"[^\"]*\"")]
    private static partial Regex Challenge();
}
