using System.Text.RegularExpressions;
using Crew.Identity.Mfa;
using Microsoft.Data.Sqlite;

namespace Crew.Identity.Tests;

/// <summary>A workspace that requires a second factor, when the days of grace are over.</summary>
public sealed partial class MfaGraceTests(PeopleServer people)
{
    [Fact]
    public async Task After_the_grace_a_session_without_a_second_factor_reaches_the_account_page_alone_until_one_is_set_up()
    {
        var (email, browser) = await people.SignedInAsync();
        (await browser.GetAsync("/v1/me")).Status.ShouldBe(200, "there are days left");
        var id = (await PeopleServer.DataAsync(browser.GetAsync("/v1/me"))).GetProperty("principal").GetProperty("id").GetString()!;
        await EndGraceAsync(id);
        (await PeopleServer.SignInAsync(browser, email)).Status.ShouldBe(302);
        var refused = await browser.GetAsync("/v1/me");
        refused.Status.ShouldBe(403);
        refused.Text.ShouldContain("mfa_required");
        (await browser.GetAsync("/account")).Text.ShouldContain("Add a passkey or an authenticator app before");

        var page = await browser.GetAsync("/account/authenticator");
        var secret = SecondFactorTests.FromBase32(Secret().Match(page.Text).Groups[1].Value.Replace(" ", "", StringComparison.Ordinal));
        (await browser.SubmitAsync("/account/authenticator", ("step", Step().Match(page.Text).Groups[1].Value), ("code", Totp.CodeAt(secret, DateTimeOffset.UtcNow)))).Status.ShouldBe(200);
        (await browser.GetAsync("/v1/me")).Status.ShouldBe(200);
        browser.Dispose();
    }

    /// <summary>Seven days go by in the database.</summary>
    private async Task EndGraceAsync(string userId)
    {
        await using var database = new SqliteConnection($"Data Source={Path.Combine(people.Server.DataFolder, "crew.db")}");
        await database.OpenAsync();
        await using var change = database.CreateCommand();
        change.CommandText = "UPDATE identity_accounts SET mfa_due_at = mfa_due_at - 8 * 86400000 WHERE user_id = $user";
        change.Parameters.AddWithValue("$user", userId);
        (await change.ExecuteNonQueryAsync()).ShouldBe(1);
    }

    [GeneratedRegex("Secret: <code>([A-Z2-7 ]+)</code>")]
    private static partial Regex Secret();

    [GeneratedRegex("name=\"step\" value=\"([^\"]+)\"")]
    private static partial Regex Step();
}
