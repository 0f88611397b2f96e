using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Crew.Tenancy.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Crew.Identity.Tokens;

internal static class IssueTokens
{
    public const int MaximumSeconds = 3_600;
    private const int MostSubjectCharacters = 128;
    private const int MostPermissions = 200;

    internal sealed record Request(
        [property: Description("A member of the workspace; give this or subject.")] string? UserId,
        [property: Description("What you call somebody who is no member, 1 to 128 visible ASCII characters; becomes ext:<subject>. Rather an id than an e-mail address.")]
        string? Subject,
        [property: Required, Description("Names such as models:invoke, or *:read. Never beyond the key's own.")] IReadOnlyList<string>? Permissions,
        [property: Description("The one crew that the token sees.")] string? CrewId,
        [property: Description("Life of each access token, 1 to 3600 seconds; 3600 is the default.")] int? ExpiresIn);

    public static void Map(RouteGroupBuilder tokens) =>
        tokens.MapPost("/", Handle)
            .WithName("Tokens.Issue")
            .WithSummary("Mint an access token and a refresh token for a person, bounded by the key that mints them and dying with it.")
            .WithMetadata(new CreatedRoute(), new NotIdempotentRoute())
            .Requires(CrewSource.Body, "tokens:create")
            .Audited("token.issued")
            .Example("""{"subject": "customer-4711", "permissions": ["models:invoke"], "expires_in": 900}""");

    private static async Task<Reply<TokenAnswer>> Handle(
        Body<Request> body, Call call, Store store, RefreshText texts, TokenStanding standing, TokenIssuer issuer, PeopleDirectory people, CancellationToken cancel)
    {
        if (body.Fault is { } broken)
        {
            return broken;
        }

        if ((Check(body.Value, call) ?? await WhoAsync(body.Value, call, people, cancel)) is { } wrong)
        {
            return wrong;
        }

        var now = store.Node.GetUtcNow();
        var id = Id.New(IdPrefix.TokenFamily, now);
        var first = texts.First(id);
        var family = Make(body.Value, call, id, first, now);
        var judged = await standing.OfAsync(new LiveFamily(family), family.EndsAt, null, cancel);
        if (judged.Failed(out var refused))
        {
            return refused;
        }

        var stored = await store.ChangeAsync<bool>(call.Tenant, call.Origin, db =>
        {
            db.Add(family);
            db.Raise(new Event("token.issued", new Resource("token", id))
            {
                CrewId = family.CrewId,
                Changes =
                [
                    new FieldChange("subject", null, family.Subject), new FieldChange("permissions", null, family.Permissions),
                    new FieldChange("ends_at", null, Timestamp.ToText(family.EndsAt)),
                ],
            });
            return Task.FromResult<Outcome<bool>>(true);
        }, cancel);
        return stored.Failed(out var unstored) ? unstored : Reply<TokenAnswer>.Created(issuer.Issue(judged.Value, first), holdsSecret: true);
    }

    private static TokenFamily Make(Request request, Call call, string id, RefreshToken first, DateTimeOffset now)
    {
        var end = now.AddDays(TokenFamily.MaximumDays);
        return new TokenFamily
        {
            Id = id,
            OrganizationId = call.Caller.OrganizationId,
            WorkspaceId = call.Workspace.Id,
            KeyId = call.Caller.Actor.Id,
            LineageId = call.Caller.LineageId,
            UserId = request.UserId,
            Subject = request.UserId ?? $"ext:{request.Subject}",
            Permissions = request.Permissions!,
            CrewId = request.CrewId ?? call.Caller.CrewId,
            ExpiresInSeconds = request.ExpiresIn ?? MaximumSeconds,
            Number = first.Number,
            LatestHash = first.Hash,
            RefreshedAt = now,
            CreatedAt = now,
            EndsAt = call.Caller.ExpiresAt < end ? call.Caller.ExpiresAt.Value : end,
        };
    }

    private static Fault? Check(Request request, Call call)
    {
        if (call.Caller.Actor.Type != "api_key")
        {
            return TokenFaults.OnlyByKeys;
        }

        if (call.Workspace.Id != call.Caller.WorkspaceId)
        {
            return Faults.Invalid("X-Crew-Workspace", "Tokens are minted in the key's own workspace. Leave the header out, or use a key of that workspace.");
        }

        if (request.ExpiresIn is < 1 or > MaximumSeconds)
        {
            return Faults.Invalid("expires_in", $"expires_in must be from 1 to {MaximumSeconds} seconds.");
        }

        if (request.CrewId is { } crew && (!call.Workspace.Crews.TryGetValue(crew, out var environment) || !call.Caller.Sees(crew, environment)))
        {
            return Faults.NotFound;
        }

        if (call.Caller.Kind == KeyKind.User && request.UserId != call.Caller.UserId)
        {
            return TokenFaults.OnlyForThemselves;
        }

        return CheckRights(request.Permissions, call.Caller);
    }

    private static Fault? CheckRights(IReadOnlyList<string>? names, Caller caller)
    {
        if (names is not { Count: > 0 and <= MostPermissions } || names.Any(n => n is null))
        {
            return Faults.Invalid("permissions", $"permissions must be a list of 1 to {MostPermissions} names such as \"models:invoke\" or \"*:read\".");
        }

        if (!PermissionSet.TryParse(names, out var rights, out var unknown))
        {
            return Faults.Invalid("permissions", $"There is no permission '{new string([.. unknown!.Take(60).Where(c => c is >= ' ' and <= '~')])}'. GET /v1/me shows yours; /docs lists all.");
        }

        if (names.Any(n => n == "tokens:create"))
        {
            return Faults.Invalid("permissions", "A token mints no tokens. Leave tokens:create out.");
        }

        var beyond = rights.Except(caller.Permissions).Except(TokenStanding.Never);
        return beyond.IsEmpty ? null : TokenFaults.Beyond(beyond.ToNames()[0]);
    }

    private static async ValueTask<Fault?> WhoAsync(Request request, Call call, PeopleDirectory people, CancellationToken cancel)
    {
        if (request.UserId is null == request.Subject is null)
        {
            return Faults.Invalid("subject", "Give exactly one of user_id (a member of the workspace) and subject (somebody outside).");
        }

        if (request.Subject is { } subject)
        {
            return subject.Length is 0 or > MostSubjectCharacters || subject.Any(c => c is <= ' ' or > '~')
                ? Faults.Invalid("subject", $"subject must be 1 to {MostSubjectCharacters} visible ASCII characters without spaces.")
                : null;
        }

        var person = await people.FindAsync(request.UserId!, cancel);
        return person?.RightsIn(call.Workspace) is { Role: not null } ? null : Faults.NotFound;
    }
}
