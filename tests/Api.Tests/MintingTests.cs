using System.Text.Json;

namespace Crew.Api.Tests;

public sealed class SqliteMintingTests(SqliteStage stage) : MintingTests(stage);

public sealed class PostgresMintingTests(PostgresStage stage) : MintingTests(stage);

/// <summary>
/// Everybody of the matrix tries to come by more than they have, at every endpoint that makes, changes or hands out a right: keys, rolls, tokens, invitations,
/// roles, sessions, budgets, providers' credentials, reviews, lockdown. Nobody succeeds.
/// </summary>
public abstract class MintingTests(ApiStage stage) : ApiTests(stage)
{
    /// <summary>Who stands so high that an attempt is no escalation for them.</summary>
    private sealed record Attempt(string Name, string Method, string Path, object Body, params string[] May);

    [Fact]
    public async Task Nobody_comes_by_a_right_that_they_do_not_have()
    {
        var cast = await MatrixCast.OfAsync(Stage);
        var attempts = await AttemptsAsync(cast);
        var successes = new List<string>();
        foreach (var actor in cast.Actors)
        {
            foreach (var attempt in attempts.Concat(Keys(actor)))
            {
                if (attempt.May.Contains(actor.Name))
                {
                    continue;
                }

                var answer = await actor.SendAsync(attempt.Method, attempt.Path, attempt.Body);
                if (answer.Status is < 400 or >= 500)
                {
                    successes.Add($"{actor.Name}: {attempt.Name}: {answer} {JsonSerializer.Serialize(attempt.Body)}");
                }
            }
        }

        string.Join('\n', successes).ShouldBeEmpty();
        foreach (var (person, role) in new[] { (cast.Owner, "owner"), (cast.Admin, "admin"), (cast.Member, "member") })
        {
            (await person.GetAsync("/v1/me")).ShouldBe(200).Text("role").ShouldBe(role);
        }
    }

    private async Task<IReadOnlyList<Attempt>> AttemptsAsync(MatrixCast cast)
    {
        Task<string> MembershipAsync(Persona person) => StagePeople.MembershipAsync(path => Stage.Account.GetAsync(path), person);
        var (owner, admin, member) = (await MembershipAsync(cast.Owner), await MembershipAsync(cast.Admin), await MembershipAsync(cast.Member));
        var strong = await Stage.KeyAsync(new { permissions = new[] { "*:read", "*:write", "models:invoke", "tokens:create", "exports:create", "api_keys:self" } });
        var masters = (await Stage.Account.GetAsync("/v1/api-keys?limit=100")).ShouldBe(200).Data.EnumerateArray()
            .Where(k => k.GetProperty("kind").GetString() == "master" && k.GetProperty("status").GetString() == "active").Select(k => k.GetProperty("id").GetString()!).Take(3).ToList();
        var session = (await Stage.Master.GetAsync("/v1/sessions?limit=100")).ShouldBe(200).Data.EnumerateArray()
            .First(s => s.GetProperty("user_id").GetString() == cast.Owner.UserId).GetProperty("id").GetString();
        string[] wide = ["account master", "master", "Owner", "wide service key", "Admin", "Admin without content", "key of an Owner"];
        var attempts = new List<Attempt>();
        attempts.AddRange(masters.SelectMany(id => new[]
        {
            new Attempt("takes a master's place", "POST", $"/v1/api-keys/{id}/roll", new { }, "account master", "master", "Owner"),
            new Attempt("renames a master", "PATCH", $"/v1/api-keys/{id}", new { name = "mine" }, "account master", "master", "Owner"),
        }));
        attempts.AddRange(
        [
            new("takes a strong key's place", "POST", $"/v1/api-keys/{strong.Id}/roll", new { }, wide),
            new("widens a strong key", "PATCH", $"/v1/api-keys/{strong.Id}", new { permissions = new[] { "*" } }),
            new("makes an Owner", "PATCH", $"/v1/members/{member}", new { role = "owner" }, "account master", "Owner", "org_owner"),
            new("makes an Admin", "PATCH", $"/v1/members/{admin}", new { role = "owner", content_access = true }, "account master", "Owner", "org_owner"),
            new("demotes an Owner", "PATCH", $"/v1/members/{owner}", new { role = "viewer" }, "account master", "Owner", "org_owner"),
            new("removes an Owner", "DELETE", $"/v1/members/{owner}", new { }, "account master", "Owner", "org_owner"),
            new("ends an Owner's session", "DELETE", $"/v1/sessions/{session}", new { }, "account master", "Owner", "key of an Owner"),
            new("invites an Owner", "POST", "/v1/invitations", new { email = NewEmail(), role = "owner" }, "account master", "Owner"),
            new("invites an org_owner", "POST", "/v1/invitations", new { email = NewEmail(), role = "org_owner" }, "account master"),
            new("invites an org_admin", "POST", "/v1/invitations", new { email = NewEmail(), role = "org_admin" }, "account master"),
            new("caps the organization", "POST", "/v1/budgets", new { scope = "organization", amount_usd = "1000000", window = "total" }, "account master", "org_owner", "org_admin", "org_billing"),
            new("caps the workspace", "POST", "/v1/budgets", new { scope = "workspace", amount_usd = "1000000", window = "total" }, "account master", "org_owner", "org_admin", "org_billing"),
            new("reads an operator's file", "POST", "/v1/gateway/providers", new { name = "x", kind = "openai", base_url = "https://provider.example/v1", api_key = "file:/etc/passwd" }),
            new("reads an operator's variable", "POST", "/v1/gateway/providers", new { name = "x", kind = "openai", base_url = "https://provider.example/v1", api_key = "env:CREW_MASTER_KEY" }),
            new("owns a shared provider", "POST", "/v1/gateway/providers", new { name = "x", kind = "sandbox", owner = "organization" }, "account master", "org_owner", "org_admin"),
            new("makes a workspace", "POST", "/v1/workspaces", new { name = "mine" }, "account master", "org_owner", "org_admin"),
            new("suspends the sibling", "POST", $"/v1/workspaces/{Stage.Other.WorkspaceId}/suspend", new { }),
            new("locks the other organization", "POST", $"/v1/workspaces/{Stage.Other.WorkspaceId}/lockdown", new { }),
        ]);
        return attempts;
    }

    /// <summary>Keys and tokens with each permission that somebody lacks, of each kind, and outside of what they are bound to.</summary>
    private IEnumerable<Attempt> Keys(MatrixActor actor)
    {
        object Draft(object more) => Merge(new { name = "more", mode = "live", permissions = new[] { "crews:read" } }, more);
        foreach (var lacking in MatrixRoles.All.Concat(MatrixRoles.OrganizationOwner).Distinct().Except(actor.Expected ?? MatrixRoles.All))
        {
            yield return new($"a key with {lacking}", "POST", "/v1/api-keys", Draft(new { permissions = new[] { lacking } }));
            yield return new($"a token with {lacking}", "POST", "/v1/auth/tokens", new { subject = "more", permissions = new[] { lacking } });
        }

        foreach (var kind in new[] { "service", "user" })
        {
            yield return new($"a {kind} key with everything", "POST", "/v1/api-keys", Draft(new { kind, permissions = new[] { "*" } }));
        }

        yield return new("a master", "POST", "/v1/api-keys", Draft(new { kind = "master", permissions = new[] { "*" } }), "Owner");
        yield return new("an account master", "POST", "/v1/api-keys", Draft(new { kind = "master", account = true, permissions = new[] { "*" } }));
        if (actor.Environment is not null)
        {
            yield return new("a key of the whole workspace", "POST", "/v1/api-keys", Draft(new { }));
            yield return new("a key of production", "POST", "/v1/api-keys", new { name = "more", environment = "production", permissions = new[] { "crews:read" } });
            yield return new("a key of another crew", "POST", "/v1/api-keys", new { name = "more", crew_id = Stage.Home.Crews.Production, permissions = new[] { "crews:read" } });
            yield return new("a token of another crew", "POST", "/v1/auth/tokens", new { subject = "more", crew_id = Stage.Home.Crews.Production, permissions = new[] { "crews:read" } });
        }
    }

    private static string NewEmail() => $"m{Random.Shared.NextInt64():x}@example.com";

    private static Dictionary<string, object?> Merge(params object[] parts)
    {
        var all = new Dictionary<string, object?>();
        foreach (var field in parts.SelectMany(p => JsonSerializer.SerializeToElement(p).EnumerateObject()))
        {
            all[field.Name] = field.Value;
        }

        return all;
    }
}
