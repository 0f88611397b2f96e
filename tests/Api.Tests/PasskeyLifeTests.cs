using System.Text.Json;
using System.Text.RegularExpressions;
using Crew.Testing;

namespace Crew.Api.Tests;

public sealed class SqlitePasskeyLifeTests(SqliteStage stage) : PasskeyLifeTests(stage);

public sealed class PostgresPasskeyLifeTests(PostgresStage stage) : PasskeyLifeTests(stage);

/// <summary>Passkeys at the API, as a front end uses it.</summary>
public abstract partial class PasskeyLifeTests(ApiStage stage) : ApiTests(stage)
{
    private static readonly (string, string) SameOrigin = ("Sec-Fetch-Site", "same-origin");

    [Fact]
    public async Task A_passkey_is_made_listed_named_used_as_a_proof_and_removed()
    {
        var browser = await PersonAsync();
        using var key = Authenticator();
        var asked = (await browser.PostAsync("/v1/passkeys/options", null, SameOrigin)).ShouldBe(200).Data;
        var made = (await browser.PostAsync("/v1/passkeys", New(asked, key), SameOrigin)).ShouldBe(201);
        made.Data.GetProperty("recovery_codes").GetArrayLength().ShouldBe(10);
        made.Data.GetProperty("name").GetString().ShouldBe("Phone");
        (await browser.GetAsync("/v1/me")).ShouldBe(401, "session_ended");
        var next = Caller(Cookie().Match(made.Header("Set-Cookie")!).Groups[1].Value);
        var path = $"/v1/passkeys/{made.Text("id")}";
        (await next.GetAsync("/v1/passkeys?limit=1")).ShouldBe(200).Data[0].GetProperty("id").GetString().ShouldBe(made.Text("id"));
        (await next.PatchAsync(path, new { name = "Tablet" }, SameOrigin)).ShouldBe(200).Text("name").ShouldBe("Tablet");
        (await next.PatchAsync(path, new { name = "" }, SameOrigin)).ShouldBe(400, "invalid_request");

        var question = (await next.PostAsync("/v1/auth/proofs/options", null, SameOrigin)).ShouldBe(200).Data;
        var proof = new { state = question.GetProperty("state").GetString(), credential = Json(key.Get(question.GetProperty("public_key"))) };
        (await next.PostAsync("/v1/auth/proofs", proof, SameOrigin)).ShouldBe(200).Data.GetProperty("good_until").GetDateTimeOffset().ShouldBeGreaterThan(DateTimeOffset.UtcNow);
        (await next.PostAsync("/v1/auth/proofs", proof, SameOrigin)).ShouldBe(401, "wrong_passkey");
        (await next.PostAsync("/v1/auth/proofs", new { nonsense = 1 }, SameOrigin)).ShouldBe(400, "unknown_field");

        (await next.DeleteAsync(path, SameOrigin)).ShouldBe(200).Text("id").ShouldBe(made.Text("id"));
        (await next.DeleteAsync(path, SameOrigin)).ShouldBe(404, "not_found");
        (await next.PatchAsync(path, new { name = "Gone" }, SameOrigin)).ShouldBe(404, "not_found");
        (await next.PostAsync("/v1/auth/proofs/options", null, SameOrigin)).ShouldBe(404, "not_found");
    }

    [Fact]
    public async Task Lost_factors_of_a_member_are_taken_away_by_a_session_only()
    {
        var owner = await PersonAsync();
        var invited = (await owner.PostAsync("/v1/invitations", new { email = $"g{Random.Shared.NextInt64():x}@example.com", role = "viewer" }, SameOrigin)).ShouldBe(201);
        using var guest = new WebVisitor(Stage.Server.Address, Stage.NewAddress());
        (await guest.SubmitAsync(new Uri(invited.Text("link")).AbsolutePath, ("password", "seven grey owls at dusk"))).Status.ShouldBe(302);
        var member = (await owner.GetAsync("/v1/members")).ShouldBe(200).Data.EnumerateArray().Single(m => m.GetProperty("role").GetString() == "viewer").GetProperty("id").GetString();
        (await owner.PostAsync($"/v1/members/{member}/reset-factors", null, SameOrigin)).ShouldBe(200).Text("user_id").ShouldStartWith("user_");
        (await owner.PostAsync("/v1/members/mem_01k9x2f7m3q8t0v5w6y4z1a2bc/reset-factors", null, SameOrigin)).ShouldBe(404, "not_found");
        (await guest.GetAsync("/v1/me")).Status.ShouldBe(401);
    }

    [Fact]
    public async Task Keys_neither_see_nor_make_passkeys()
    {
        (await Stage.Account.GetAsync("/v1/passkeys")).ShouldBe(200).Data.GetArrayLength().ShouldBe(0);
        (await Stage.Account.PostAsync("/v1/passkeys/options", new { })).ShouldBe(403, "session_required");
        (await Stage.Account.PostAsync("/v1/auth/proofs/options", new { })).ShouldBe(403, "session_required");
        using var key = Authenticator();
        var asked = (await (await PersonAsync()).PostAsync("/v1/passkeys/options", null, SameOrigin)).ShouldBe(200).Data;
        (await Stage.Account.PostAsync("/v1/passkeys", New(asked, key))).ShouldBe(403, "session_required");
        (await (await PersonAsync()).PostAsync("/v1/passkeys", New(asked, key), SameOrigin)).ShouldBe(400, "invalid_request");
    }

    private SoftAuthenticator Authenticator() => new() { Origin = Stage.Server.PublicAddress.GetLeftPart(UriPartial.Authority) };

    private static object New(JsonElement asked, SoftAuthenticator key) =>
        new { name = "Phone", state = asked.GetProperty("state").GetString(), credential = Json(key.Create(asked.GetProperty("public_key"))) };

    private static JsonElement Json(string text) => JsonDocument.Parse(text).RootElement;

    private PersonCaller Caller(string cookie) => new(Stage.Caller(null), cookie);

    private async Task<PersonCaller> PersonAsync()
    {
        var command = await Stage.Server.CommandAsync("orgs", "create", "--name", "Owls", "--email", $"p{Random.Shared.NextInt64():x}@example.com", "--data", Stage.Server.DataFolder, "--json");
        command.ExitCode.ShouldBe(0, command.Error);
        using var made = JsonDocument.Parse(command.Output);
        using var browser = new WebVisitor(Stage.Server.Address, Stage.NewAddress());
        (await browser.SubmitAsync(new Uri(made.RootElement.GetProperty("owner").GetProperty("sign_in_url").GetString()!).AbsolutePath, ("password", "seven grey owls at dusk"))).Status.ShouldBe(302);
        return Caller(browser.Session!);
    }

    [GeneratedRegex("crew_session=([^;]+)")]
    private static partial Regex Cookie();
}
