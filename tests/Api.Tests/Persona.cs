using System.Text.Json;
using Crew.Testing;

namespace Crew.Api.Tests;

/// <summary>A person who has signed in: a client of the API by the cookie of their session, as pages of this server would call.</summary>
public sealed class Persona(ApiCaller caller, string cookie, string email)
{
    private (string, string)[] Own { get; init; } = [("Cookie", $"crew_session={cookie}"), ("Sec-Fetch-Site", "same-origin")];

    public string Email => email;

    public string Cookie => cookie;

    public string UserId { get; private set; } = "";

    public string MembershipId { get; private set; } = "";

    public Task<ApiAnswer> GetAsync(string path, params (string Name, string Value)[] headers) => caller.GetAsync(path, [.. Own, .. headers]);

    public Task<ApiAnswer> PostAsync(string path, object? body = null, params (string Name, string Value)[] headers) => caller.PostAsync(path, body, [.. Own, .. headers]);

    public Task<ApiAnswer> PatchAsync(string path, object body, params (string Name, string Value)[] headers) => caller.PatchAsync(path, body, [.. Own, .. headers]);

    public Task<ApiAnswer> DeleteAsync(string path, params (string Name, string Value)[] headers) => caller.DeleteAsync(path, [.. Own, .. headers]);

    public Task<ApiAnswer> SendAsync(string method, string path, object? body, params (string Name, string Value)[] headers) =>
        caller.SendAsync(method, path, body, [.. Own, .. headers]);

    /// <summary>The same person, naming a workspace with every request.</summary>
    public Persona In(string workspaceId) => new(caller, cookie, email) { Own = [.. Own, ("X-Crew-Workspace", workspaceId)], UserId = UserId, MembershipId = MembershipId };

    internal void Is(string userId, string membershipId) => (UserId, MembershipId) = (userId, membershipId);
}

/// <summary>Organizations and people of a stage, who come as real ones do: by a first link, or by an invitation.</summary>
public static class StagePeople
{
    public const string Password = "seven grey owls at dusk";

    /// <summary>Somebody invited into the workspace of <paramref name="by"/>, who has accepted.</summary>
    public static async Task<Persona> PersonAsync(
        this ApiStage stage, string role, string[]? environments = null, bool? contentAccess = null, Func<string, object, Task<ApiAnswer>>? by = null, params (string, string)[] headers)
    {
        var email = $"p{Random.Shared.NextInt64():x}@example.com";
        var body = new Dictionary<string, object?> { ["email"] = email, ["role"] = role, ["environments"] = environments, ["content_access"] = contentAccess };
        var link = (await (by?.Invoke("/v1/invitations", body) ?? stage.Account.PostAsync("/v1/invitations", body, headers))).ShouldBe(201).Text("link");
        using var browser = new WebVisitor(stage.Server.Address, stage.NewAddress());
        (await browser.SubmitAsync(new Uri(link).AbsolutePath, ("password", Password))).Location.ShouldBe("/account");
        var person = new Persona(stage.Caller(null), browser.Session!, email);
        var me = (await person.GetAsync("/v1/me")).ShouldBe(200);
        person.Is(me.Data.GetProperty("principal").GetProperty("id").GetString()!, "");
        return person;
    }

    /// <summary>The membership of a person in a workspace, as somebody who sees the members finds it.</summary>
    public static async Task<string> MembershipAsync(Func<string, Task<ApiAnswer>> get, Persona person)
    {
        for (var cursor = ""; ;)
        {
            var page = (await get($"/v1/members?limit=100{cursor}")).ShouldBe(200);
            if (page.Data.EnumerateArray().FirstOrDefault(m => m.GetProperty("user_id").GetString() == person.UserId) is { ValueKind: JsonValueKind.Object } found)
            {
                return found.GetProperty("id").GetString()!;
            }

            cursor = $"&cursor={page.Json.GetProperty("pagination").GetProperty("next_cursor").GetString()}";
        }
    }

    /// <summary>An organization of its own, with its owner signed in and its account master.</summary>
    public static async Task<(Persona Owner, ApiCaller Master, CrewHome Home)> OrganizationAsync(this ApiStage stage)
    {
        var email = $"o{Random.Shared.NextInt64():x}@example.com";
        var command = await stage.Server.CommandAsync("orgs", "create", "--name", "Owls", "--email", email, "--data", stage.Server.DataFolder, "--json");
        command.ExitCode.ShouldBe(0, command.Error);
        using var made = JsonDocument.Parse(command.Output);
        var root = made.RootElement;
        using var browser = new WebVisitor(stage.Server.Address, stage.NewAddress());
        var path = new Uri(root.GetProperty("owner").GetProperty("sign_in_url").GetString()!).AbsolutePath;
        (await browser.SubmitAsync(path, ("password", Password))).Status.ShouldBe(302);
        var owner = new Persona(stage.Caller(null), browser.Session!, email);
        var me = (await owner.GetAsync("/v1/me")).ShouldBe(200);
        owner.Is(me.Data.GetProperty("principal").GetProperty("id").GetString()!, "");
        var home = new CrewHome(root.GetProperty("organization_id").GetString()!, root.GetProperty("workspace_id").GetString()!);
        return (owner, stage.Caller(root.GetProperty("api_keys").GetProperty("live").GetString()), home);
    }

    /// <summary>Another browser of the same person.</summary>
    public static async Task<Persona> AgainAsync(this ApiStage stage, Persona person)
    {
        using var browser = new WebVisitor(stage.Server.Address, stage.NewAddress());
        (await browser.SubmitAsync("/sign-in", ("email", person.Email), ("password", Password))).Status.ShouldBe(302);
        var again = new Persona(stage.Caller(null), browser.Session!, person.Email);
        again.Is(person.UserId, person.MembershipId);
        return again;
    }
}

/// <summary>Ids of an organization and its first workspace.</summary>
public sealed record CrewHome(string OrganizationId, string WorkspaceId);
