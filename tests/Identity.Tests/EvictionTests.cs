namespace Crew.Identity.Tests;

/// <summary>A new password puts out whoever had the old one, also whoever is just coming in.</summary>
public sealed class EvictionTests(PeopleServer people)
{
    /// <summary>
    /// Passwords are hashed one after the other. The new one stands in the queue first, so that it is written while the sign-ins behind it, which have
    /// read the old one already, are still being judged.
    /// </summary>
    [Fact]
    public async Task A_sign_in_by_the_old_password_that_is_being_judged_opens_nothing_once_there_is_a_new_one()
    {
        var (email, browser) = await people.SignedInAsync();
        var link = await people.Server.CommandAsync("orgs", "sign-in-link", "--email", email, "--data", people.Server.DataFolder);
        using var crowd = people.Visitor();
        using var owner = people.Visitor();
        var thieves = Enumerable.Range(0, 4).Select(_ => people.Visitor()).ToList();
        var noise = Enumerable.Range(0, 6).Select(_ => PeopleServer.SignInAsync(crowd, "nobody@example.com")).ToList();
        await Task.Delay(50);
        var change = owner.SubmitAsync(new Uri(link.Output.Trim()).AbsolutePath, ("password", "nine brown bears at noon"));
        await Task.Delay(50);
        var attempts = thieves.ConvertAll(thief => PeopleServer.SignInAsync(thief, email));
        await Task.WhenAll([.. noise, change, .. attempts]);
        (await change).Location.ShouldBe("/account");
        foreach (var thief in thieves)
        {
            (await thief.GetAsync("/v1/me")).Status.ShouldBe(401, "the old password opens nothing any more");
            thief.Dispose();
        }

        (await owner.GetAsync("/v1/me")).Status.ShouldBe(200);
        browser.Dispose();
    }

    [Fact]
    public async Task A_page_to_go_to_that_fits_no_header_and_an_encoding_that_nobody_reads_are_no_fault_of_the_server()
    {
        var (email, browser) = await people.SignedInAsync();
        foreach (var next in new[] { "/é", "/a b", "/\u2028" })
        {
            (await browser.SubmitAsync("/sign-in", ("email", email), ("password", PeopleServer.Password), ("next", next))).Location.ShouldBe("/account");
        }

        using var form = new StringContent("email=a&password=b");
        form.Headers.ContentType = System.Net.Http.Headers.MediaTypeHeaderValue.Parse("application/x-www-form-urlencoded; charset=utf-7");
        (await browser.SendAsync(HttpMethod.Post, "/sign-in", form, ("Sec-Fetch-Site", "same-origin"))).Status.ShouldBe(400);
        browser.Dispose();
    }
}
