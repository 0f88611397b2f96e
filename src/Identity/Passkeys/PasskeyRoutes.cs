using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using Crew.Http;
using Crew.Identity.Sessions;
using Crew.Kernel;
using Crew.Tenancy.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Crew.Identity.Passkeys;

/// <summary>One's own passkeys, and the recent proof by one, for a front end that talks to the API by its session.</summary>
internal static class PasskeyRoutes
{
    internal sealed record Answer(
        string Id, string Name, IReadOnlyList<string> Transports, bool IsBackedUp, DateTimeOffset CreatedAt, DateTimeOffset? LastUsedAt)
    {
        [System.Text.Json.Serialization.JsonIgnore(Condition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull)]
        [Description("With the first second factor of a person: codes that each stand in for it once, in this answer and never again.")]
        public IReadOnlyList<string>? RecoveryCodes { get; init; }
    }

    internal sealed record Asked(
        [property: Description("Goes back with the browser's answer, within ten minutes, from this session.")] string State,
        [property: Description("What navigator.credentials takes as publicKey, in its JSON form.")] JsonElement PublicKey);

    internal sealed record NewRequest(
        [property: Required, Description("What the person knows it by, such as the device that holds it.")] string? Name,
        [property: Required, Description("The state that came with the options.")] string? State,
        [property: Required, Description("What navigator.credentials.create has made, by its toJSON.")] JsonElement? Credential);

    internal sealed record NameRequest([property: Required, Description("What the person knows it by.")] string? Name);

    internal sealed record ProofRequest(
        [property: Required, Description("The state that came with the options.")] string? State,
        [property: Required, Description("What navigator.credentials.get has answered, by its toJSON.")] JsonElement? Credential);

    internal sealed record Proven(DateTimeOffset GoodUntil);

    public static void Map(IEndpointRouteBuilder app)
    {
        var passkeys = app.MapGroup("/v1/passkeys").WithTags("Passkeys");
        passkeys.MapGet("/", ListAsync).WithName("Passkeys.List").WithSummary("List one's own passkeys.").RequiresAuthentication().WorkspaceLevel();
        passkeys.MapPost("/options", AskNewAsync)
            .WithName("Passkeys.Options").WithSummary("Ask for a new passkey: what the browser is to be asked, and the state to send back.")
            .RequiresAuthentication().WorkspaceLevel().StepUp().WithMetadata(new NotIdempotentRoute()).Audited("none")
            .Refuses("session_required", "passkeys_unavailable", "too_many_passkeys");
        passkeys.MapPost("/", AddAsync)
            .WithName("Passkeys.Create").WithSummary("Add the passkey that the browser has made. The session goes on under a new cookie.")
            .WithMetadata(new CreatedRoute(), new NotIdempotentRoute()).RequiresAuthentication().WorkspaceLevel().StepUp().Audited("passkey.created")
            .Refuses("session_required", "passkeys_unavailable", "too_many_passkeys");
        passkeys.MapPatch("/{id}", RenameAsync)
            .WithName("Passkeys.Update").WithSummary("Name a passkey of one's own.").RequiresAuthentication().WorkspaceLevel().Audited("passkey.updated")
            .Example("""{"name": "Key on my ring"}""");
        passkeys.MapDelete("/{id}", RemoveAsync)
            .WithName("Passkeys.Delete").WithSummary("Remove a passkey of one's own: it signs nobody in any more.").RequiresAuthentication().WorkspaceLevel().StepUp()
            .Audited("passkey.deleted");
        var proofs = app.MapGroup("/v1/auth/proofs").WithTags("Passkeys");
        proofs.MapPost("/options", AskAsync)
            .WithName("Proofs.Options").WithSummary("Ask for a recent proof by a passkey of one's own.").RequiresAuthentication().WorkspaceLevel()
            .WithMetadata(new NotIdempotentRoute()).Audited("none").Refuses("session_required", "passkeys_unavailable");
        proofs.MapPost("/", ProveAsync)
            .WithName("Proofs.Create").WithSummary("Prove again who one is, by a passkey: what asks for a recent proof is open for ten minutes.").RequiresAuthentication().WorkspaceLevel()
            .WithMetadata(new NotIdempotentRoute()).Audited("none").Refuses("session_required", "wrong_passkey");
    }

    private static async Task<Reply<PageReply<Answer>>> ListAsync(Paging paging, Call call, PasskeyBook book, CancellationToken cancel)
    {
        if (paging.Fault is { } fault)
        {
            return fault;
        }

        // A key has none, also that of a person.
        List<Passkey> held = call.Caller.SessionId is null ? [] : await book.OfAsync(call.Caller.UserId!, cancel);
        var rows = held.Where(p => paging.Cursor is null || string.CompareOrdinal(p.Id, paging.Cursor) > 0).Take(paging.Limit + 1).ToList();
        return new PageReply<Answer>(Page<Passkey>.From(rows, paging.Limit, p => Paging.Encode(p.Id)).Select(AnswerOf));
    }

    private static async Task<Reply<Asked>> AskNewAsync(Call call, PasskeyBook book, SessionScheme scheme, PeopleDirectory people)
    {
        if (await WhoAsync(call, scheme, people) is not { } who)
        {
            return IdentityFaults.SessionRequired;
        }

        var asked = await book.AskNewAsync(call, who);
        return asked.Failed(out var fault) ? fault : Reply<Asked>.Secret(new Asked(asked.Value.State, asked.Value.PublicKey));
    }

    private static async Task<Reply<Answer>> AddAsync(Body<NewRequest> body, Call call, PasskeyBook book, SessionScheme scheme, PeopleDirectory people)
    {
        if (body.Fault is { } broken)
        {
            return broken;
        }

        if (await WhoAsync(call, scheme, people) is not { } who)
        {
            return IdentityFaults.SessionRequired;
        }

        var added = await book.AddAsync(call, who, body.Value.State, body.Value.Credential?.GetRawText(), body.Value.Name);
        return added.Failed(out var fault)
            ? fault
            : Reply<Answer>.Created(AnswerOf(added.Value.Passkey) with { RecoveryCodes = added.Value.RecoveryCodes is { Count: > 0 } codes ? codes : null }, holdsSecret: true);
    }

    private static async Task<Reply<Answer>> RenameAsync(string id, Body<NameRequest> body, Call call, PasskeyBook book, SessionScheme scheme, PeopleDirectory people)
    {
        if (body.Fault is { } broken)
        {
            return broken;
        }

        if (await WhoAsync(call, scheme, people) is not { } who)
        {
            return Faults.NotFound;
        }

        var renamed = await book.RenameAsync(call.Origin, who.Person, id, body.Value.Name);
        return renamed.Failed(out var fault) ? fault : AnswerOf(renamed.Value);
    }

    private static async Task<Reply<Answer>> RemoveAsync(string id, Call call, PasskeyBook book, SessionScheme scheme, PeopleDirectory people)
    {
        if (await WhoAsync(call, scheme, people) is not { } who)
        {
            return Faults.NotFound;
        }

        var removed = await book.RemoveAsync(call.Origin, who.Person, id);
        return removed.Failed(out var fault) ? fault : AnswerOf(removed.Value);
    }

    private static async Task<Reply<Asked>> AskAsync(Call call, PasskeyUse use, SessionScheme scheme, PeopleDirectory people)
    {
        if (await WhoAsync(call, scheme, people) is not { } who)
        {
            return IdentityFaults.SessionRequired;
        }

        return await use.AskAsync(call, Ceremony.StepUp, who.SessionId, who.Person) is { } asked
            ? Reply<Asked>.Secret(new Asked(asked.State, asked.PublicKey))
            : use.IsAvailable ? Faults.NotFound : PasskeyBook.Unavailable;
    }

    private static async Task<Reply<Proven>> ProveAsync(
        Body<ProofRequest> body, Call call, PasskeyUse use, SessionScheme scheme, PeopleDirectory people, IdentityOptions options, TimeProvider clock)
    {
        if (body.Fault is { } broken)
        {
            return broken;
        }

        if (await WhoAsync(call, scheme, people) is not { } who)
        {
            return IdentityFaults.SessionRequired;
        }

        return await use.ProveAsync(call, who, call.Origin, body.Value.State, body.Value.Credential?.GetRawText()) is { } fault
            ? fault
            : new Proven(clock.GetUtcNow().AddMinutes(options.ProofMinutes));
    }

    /// <summary>Who is signed in; null for a key or a token, also of a person: what signs somebody in is theirs to change at a browser.</summary>
    private static async Task<SignedIn?> WhoAsync(Call call, SessionScheme scheme, PeopleDirectory people)
    {
        if (call.Caller.SessionId is null || scheme.Find(call.Http.Request) is not { } text
            || await scheme.AliveAsync(text, call.Aborted) is not { } session || await people.FindAsync(session.UserId, call.Aborted) is not { } person)
        {
            return null;
        }

        return new SignedIn(person, session.Id, session.Methods);
    }

    internal static Answer AnswerOf(Passkey passkey) =>
        new(passkey.Id, passkey.Name, passkey.Transports, passkey.IsBackedUp, passkey.CreatedAt, passkey.LastUsedAt);
}
