using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using Crew.Testing;

namespace Crew.Identity.Tests;

public sealed class SqlitePasskeyTests(PeopleServer people) : PasskeyTests(people);

public sealed class PostgresPasskeyTests(PostgresPeopleServer people) : PasskeyTests(people);

/// <summary>Passkeys as an attacker tries them: every answer but the right one is refused alike, and opens nothing.</summary>
public abstract partial class PasskeyTests
{
    private readonly PeopleServer _people;

    protected PasskeyTests(PeopleServer people)
    {
        Assert.SkipUnless(people.IsAvailable, "No PostgreSQL here.");
        _people = people;
    }

    [Fact]
    public async Task A_passkey_signs_in_by_itself_and_counts_as_both_factors()
    {
        var (email, browser) = await _people.SignedInAsync();
        using var key = Authenticator();
        (await AddAsync(browser, key)).Count.ShouldBe(10, "the first second factor brings recovery codes");
        using var elsewhere = _people.Visitor();
        (await SignInAsync(elsewhere, key)).Location.ShouldBe("/account");
        var session = (await PeopleServer.DataAsync(elsewhere.GetAsync("/v1/sessions"))).EnumerateArray().Single(s => s.GetProperty("is_current").GetBoolean());
        session.GetProperty("methods").EnumerateArray().Select(m => m.GetString()).ShouldBe(["passkey"]);
        (await SignInAsync(_people.Visitor(), key, ("email", email))).Location.ShouldBe("/account");
        (await SignInAsync(_people.Visitor(), key, ("email", "somebody.else@example.com"))).Status.ShouldBe(401, "the address is that of nobody or somebody else");
        var events = await PeopleServer.DataAsync(elsewhere.GetAsync("/v1/audit-logs?event_type=passkey.created"));
        events.GetArrayLength().ShouldBe(1);
        (await PeopleServer.DataAsync(elsewhere.GetAsync("/v1/audit-logs?event_type=auth.mfa.enabled"))).GetArrayLength().ShouldBe(1);
        browser.Dispose();
    }

    [Fact]
    public async Task After_a_password_a_passkey_or_a_recovery_code_is_asked_for()
    {
        var (email, browser) = await _people.SignedInAsync();
        using var other = _people.Visitor();
        (await PeopleServer.SignInAsync(other, email)).Location.ShouldBe("/account");
        using var key = Authenticator();
        var codes = await AddAsync(browser, key);
        (await other.GetAsync("/v1/me")).Status.ShouldBe(401, "sessions that were opened with less have ended");
        (await browser.GetAsync("/v1/me")).Status.ShouldBe(200);

        using var thief = _people.Visitor();
        (await PeopleServer.SignInAsync(thief, email)).Location!.ShouldStartWith("/sign-in/factor");
        (await thief.GetAsync("/v1/me")).Status.ShouldBe(401);
        (await AnswerAsync(thief, "/sign-in/factor", "/sign-in/factor/passkey", key.Get)).Location.ShouldBe("/account");
        using var again = _people.Visitor();
        (await PeopleServer.SignInAsync(again, email)).Location!.ShouldStartWith("/sign-in/factor");
        (await again.SubmitAsync("/sign-in/factor", ("code", codes[0]))).Location.ShouldBe("/account");
        browser.Dispose();
    }

    [Fact]
    public async Task A_recent_proof_is_given_by_a_passkey_of_ones_own()
    {
        var (_, browser) = await _people.SignedInAsync();
        using var key = Authenticator();
        await AddAsync(browser, key);
        var (_, stranger) = await _people.SignedInAsync();
        using var foreign = Authenticator();
        await AddAsync(stranger, foreign);
        var before = key.Count;
        (await AnswerAsync(browser, "/account/step-up", "/account/step-up/passkey", foreign.Get)).Status.ShouldBe(401);
        (await AnswerAsync(browser, "/account/step-up", "/account/step-up/passkey", key.Get)).Location.ShouldBe("/account");
        key.Count.ShouldBe(before + 1);
        browser.Dispose();
        stranger.Dispose();
    }

    private static readonly (string What, Action<SoftAuthenticator> Spoil)[] WrongAnswers =
    [
        ("wrong origin", key => key.Origin = "https://evil.example"),
        ("origin of another port", key => key.Origin = "http://localhost:1"),
        ("origin of another scheme", key => key.Origin = key.Origin.Replace("http:", "https:", StringComparison.Ordinal)),
        ("inside a foreign frame", key => key.CrossOrigin = true),
        ("wrong RP id", key => key.RpId = "evil.example"),
        ("no user verification", key => key.Verifies = false),
        ("nobody present", key => key.IsPresent = false),
        ("wrong challenge", key => key.Challenge = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
    ];

    [Fact]
    public async Task An_answer_with_one_thing_wrong_signs_nobody_in_and_makes_no_passkey()
    {
        var (_, browser) = await _people.SignedInAsync();
        foreach (var (what, spoil) in WrongAnswers)
        {
            using var wrong = Authenticator();
            spoil(wrong);
            (await AnswerAsync(browser, "/account/passkeys/add", "/account/passkeys", wrong.Create, ("name", "k"))).Status.ShouldBe(400, what);
        }

        (await PeopleServer.DataAsync(browser.GetAsync("/v1/passkeys"))).GetArrayLength().ShouldBe(0);
        using var key = Authenticator();
        await AddAsync(browser, key);
        using var thief = _people.Visitor();
        var (origin, handle) = (key.Origin, key.UserHandle);
        foreach (var (what, spoil) in WrongAnswers.Append(("handle of somebody else", k => k.UserHandle = "user_0000000000000000000000000x")))
        {
            spoil(key);
            var refused = await SignInAsync(thief, key);
            refused.Status.ShouldBe(401, what);
            refused.Text.ShouldContain("This passkey was not taken");
            thief.Session.ShouldBeNull(what);
            (key.Origin, key.UserHandle, key.RpId, key.Verifies, key.IsPresent, key.Challenge, key.CrossOrigin) = (origin, handle, null, true, true, null, false);
        }

        (await SignInAsync(thief, key)).Status.ShouldBe(302, "the passkey itself is as good as before");
        browser.Dispose();
    }

    [Fact]
    public async Task An_answer_is_good_once_for_one_visit_and_for_one_thing()
    {
        var (_, browser) = await _people.SignedInAsync();
        using var key = Authenticator();
        await AddAsync(browser, key);
        using var first = _people.Visitor();
        var (state, options) = await QuestionAsync(first, "/sign-in");
        var answer = key.Get(options);
        (string, string)[] form = [("state", state), ("credential", answer)];
        using var other = _people.Visitor();
        await other.GetAsync("/sign-in");
        (await other.SubmitAsync("/sign-in/passkey", form)).Status.ShouldBe(401, "the challenge was for another browser");
        (await browser.SubmitAsync("/account/step-up/passkey", form)).Status.ShouldBe(401, "the challenge was for signing in");
        (await first.SubmitAsync("/sign-in/passkey", form)).Status.ShouldBe(302);
        key.Count += 5;
        (await first.SubmitAsync("/sign-in/passkey", form)).Status.ShouldBe(401, "the challenge was answered");
        foreach (var broken in new[] { "", "x", state[..^3], state + "AAAA", new string('A', 5_000), "%00" })
        {
            (await first.SubmitAsync("/sign-in/passkey", ("state", broken), ("credential", key.Get(options)))).Status.ShouldBe(401);
        }

        var retyped = answer.Replace("public-key", "password", StringComparison.Ordinal);
        foreach (var broken in new[] { "", "x", "null", "[]", "{}", """{"id":5}""", """{"id":"\ud800"}""", new string('x', 33_000), retyped })
        {
            var (fresh, _) = await QuestionAsync(first, "/sign-in");
            (await first.SubmitAsync("/sign-in/passkey", ("state", fresh), ("credential", broken))).Status.ShouldBe(401);
        }

        browser.Dispose();
    }

    [Fact]
    public async Task The_same_answer_at_the_same_moment_opens_one_session()
    {
        var (_, browser) = await _people.SignedInAsync();
        using var key = Authenticator();
        await AddAsync(browser, key);
        using var visitor = _people.Visitor();
        var (state, options) = await QuestionAsync(visitor, "/sign-in");
        var answer = key.Get(options);
        var pages = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => visitor.SubmitAsync("/sign-in/passkey", ("state", state), ("credential", answer))));
        pages.Count(p => p.Status == 302).ShouldBe(1);
        pages.Count(p => p.Status == 401).ShouldBe(7);
        browser.Dispose();
    }

    [Fact]
    public async Task A_count_that_goes_back_is_refused_and_recorded()
    {
        var (_, browser) = await _people.SignedInAsync();
        using var key = Authenticator();
        key.Count = 40;
        await AddAsync(browser, key);
        key.Count = 39;
        using var copy = _people.Visitor();
        (await SignInAsync(copy, key)).Status.ShouldBe(401, "the same count as before is a copy");
        key.Count = 7;
        (await SignInAsync(copy, key)).Status.ShouldBe(401);
        copy.Session.ShouldBeNull();
        var told = await PeopleServer.DataAsync(browser.GetAsync("/v1/audit-logs?event_type=passkey.counter_rollback"));
        told.GetArrayLength().ShouldBe(2);
        told[0].GetProperty("outcome").GetString().ShouldBe("denied");
        key.Count = 40;
        (await SignInAsync(copy, key)).Status.ShouldBe(302);
        browser.Dispose();
    }

    [Fact]
    public async Task Statements_of_attestation_are_not_asked_for_and_give_nothing()
    {
        foreach (var (format, statement) in new (string, byte[])[] { ("none", [0xA0]), ("packed", [0xA1, 0x63, (byte)'a', (byte)'l', (byte)'g', 0x26]), ("fido-u2f", [0xA0]) })
        {
            var (_, browser) = await _people.SignedInAsync();
            var (_, options) = await QuestionAsync(browser, "/account/passkeys/add");
            options.GetProperty("attestation").GetString().ShouldBe("none");
            options.GetProperty("authenticatorSelection").GetProperty("userVerification").GetString().ShouldBe("required");
            using var key = Authenticator();
            key.Attestation = (format, statement);
            await AddAsync(browser, key);
            (await SignInAsync(_people.Visitor(), key)).Status.ShouldBe(302, format);
            browser.Dispose();
        }
    }

    [Fact]
    public async Task A_passkey_that_somebody_has_is_nobody_elses()
    {
        var (_, browser) = await _people.SignedInAsync();
        using var key = Authenticator();
        await AddAsync(browser, key);
        var (_, thief) = await _people.SignedInAsync();
        (await AnswerAsync(thief, "/account/passkeys/add", "/account/passkeys", key.Create, ("name", "mine now"))).Status.ShouldBe(400);
        var (state, options) = await QuestionAsync(browser, "/account/passkeys/add");
        using var second = Authenticator();
        (await thief.SubmitAsync("/account/passkeys", ("state", state), ("credential", second.Create(options)), ("name", "n"))).Status.ShouldBe(400, "asked by another session");
        var id = (await PeopleServer.DataAsync(browser.GetAsync("/v1/passkeys")))[0].GetProperty("id").GetString();
        (await thief.SubmitAsync($"/account/passkeys/{id}/remove")).Status.ShouldBe(404);
        (await thief.SubmitAsync($"/account/passkeys/{id}/name", ("name", "mine"))).Status.ShouldBe(404);
        (await SignInAsync(_people.Visitor(), key)).Status.ShouldBe(401, "the handle is the thief's now, the key is not");
        browser.Dispose();
        thief.Dispose();
    }

    [Fact]
    public async Task A_removed_passkey_signs_nobody_in_and_the_last_one_takes_the_recovery_codes_with_it()
    {
        var (email, browser) = await _people.SignedInAsync();
        using var key = Authenticator();
        await AddAsync(browser, key);
        var id = (await PeopleServer.DataAsync(browser.GetAsync("/v1/passkeys")))[0].GetProperty("id").GetString();
        (await browser.SubmitAsync($"/account/passkeys/{id}/name", ("name", "Key on my ring"))).Location.ShouldBe("/account");
        (await browser.GetAsync("/account")).Text.ShouldContain("Key on my ring");
        (await browser.SubmitAsync($"/account/passkeys/{id}/name", ("name", new string('x', 101)))).Status.ShouldBe(400);
        (await browser.SubmitAsync($"/account/passkeys/{id}/remove")).Location.ShouldBe("/account");
        (await SignInAsync(_people.Visitor(), key)).Status.ShouldBe(401);
        using var later = _people.Visitor();
        (await PeopleServer.SignInAsync(later, email)).Location.ShouldBe("/account", "there is no second factor any more");
        (await PeopleServer.DataAsync(later.GetAsync("/v1/audit-logs?event_type=auth.mfa.disabled"))).GetArrayLength().ShouldBe(1);
        browser.Dispose();
    }

    [Fact]
    public async Task One_person_has_a_bounded_number_of_passkeys()
    {
        var (_, browser) = await _people.SignedInAsync();
        for (var number = 0; number < Passkeys.PasskeyBook.MostPerPerson; number++)
        {
            using var key = Authenticator();
            await AddAsync(browser, key);
        }

        (await browser.GetAsync("/account/passkeys/add")).Status.ShouldBe(403);
        browser.Dispose();
    }

    [Fact]
    public async Task Options_tell_nothing_about_who_is_known()
    {
        using var visitor = _people.Visitor();
        var (_, options) = await QuestionAsync(visitor, "/sign-in");
        options.GetProperty("allowCredentials").GetArrayLength().ShouldBe(0);
        options.GetProperty("rpId").GetString().ShouldBe("localhost");
        options.GetProperty("userVerification").GetString().ShouldBe("required");
        (await visitor.GetAsync("/sign-in", ("Host", "evil.example"))).Text.ShouldNotContain("evil.example");
    }

    private SoftAuthenticator Authenticator() => new() { Origin = _people.Server.PublicAddress.GetLeftPart(UriPartial.Authority) };

    /// <summary>Adds a passkey at the page for it; the recovery codes, if it is the first second factor.</summary>
    private static async Task<List<string>> AddAsync(WebVisitor browser, SoftAuthenticator key)
    {
        var done = await AnswerAsync(browser, "/account/passkeys/add", "/account/passkeys", key.Create, ("name", "Passkey"));
        done.Status.ShouldBeOneOf(200, 302);
        return [.. Codes().Matches(done.Text).Select(m => m.Groups[1].Value)];
    }

    private static Task<WebPage> SignInAsync(WebVisitor browser, SoftAuthenticator key, params (string, string)[] fields) =>
        AnswerAsync(browser, "/sign-in", "/sign-in/passkey", key.Get, fields);

    private static async Task<WebPage> AnswerAsync(WebVisitor browser, string page, string to, Func<JsonElement, string> answer, params (string, string)[] fields)
    {
        var (state, options) = await QuestionAsync(browser, page);
        return await browser.SubmitAsync(to, [("state", state), ("credential", answer(options)), .. fields]);
    }

    private static async Task<(string State, JsonElement Options)> QuestionAsync(WebVisitor browser, string path)
    {
        var page = await browser.GetAsync(path);
        page.Status.ShouldBe(200, page.Text);
        var options = WebUtility.HtmlDecode(Options().Match(page.Text).Groups[1].Value);
        using var read = JsonDocument.Parse(options);
        return (State().Match(page.Text).Groups[1].Value, read.RootElement.Clone());
    }

    [GeneratedRegex("data-options=\"([^\"]+)\"")]
    private static partial Regex Options();

    [GeneratedRegex("name=\"state\" value=\"([^\"]+)\"")]
    private static partial Regex State();

    [GeneratedRegex("<li>([a-z2-9-]{29})</li>")]
    private static partial Regex Codes();
}
