using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Crew.Http;
using Crew.Identity.Letters;
using Crew.Kernel;
using Crew.Storage;
using Crew.Tenancy.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.Invitations;

/// <summary>
/// Invitations: by mail, or without a mail server by a link that the inviter sees once and hands over. A link is good once and for seven days;
/// one that was handed over says nothing about who reads the address.
/// </summary>
internal static class InvitationRoutes
{
    internal sealed record Answer(
        string Id, string Email, string Role, IReadOnlyList<string>? Environments, bool ContentAccess, string Status, string InvitedBy,
        DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt)
    {
        [System.Text.Json.Serialization.JsonIgnore(Condition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull)]
        [Description("Without a mail server: the link to hand over, in this answer and never again.")]
        public string? Link { get; init; }
    }

    internal sealed record Request(
        [property: Required, Description("Who is to come.")] string? Email,
        [property: Required, Description("owner, admin, member or viewer; of the organization org_owner, org_admin or org_billing. Never above the inviter's own.")] string? Role,
        [property: Description("Environments that the role is narrowed to; null is all.")] IReadOnlyList<string>? Environments,
        [property: Description("Whether the role reaches content; true is the default.")] bool? ContentAccess);

    public static void Map(RouteGroupBuilder invitations)
    {
        invitations.MapPost("/", CreateAsync)
            .WithName("Invitations.Create")
            .WithSummary("Invite somebody by mail; without a mail server the answer holds the link to hand over.")
            .WithMetadata(new CreatedRoute())
            .Requires(CrewSource.None, "members:write")
            .WorkspaceLevel()
            .StepUp()
            .Audited("user.invited")
            .Refuses("mail_unavailable", "mail_refused", "mail_without_tls", "too_many_invitations")
            .Example("""{"email": "ada@example.com", "role": "member"}""");
        invitations.MapGet("/", ListAsync)
            .WithName("Invitations.List").WithSummary("List the invitations of this workspace.").Requires(CrewSource.None, "members:read").WorkspaceLevel();
        invitations.MapGet("/{id}", ReadAsync)
            .WithName("Invitations.Read").WithSummary("Read one invitation.").Requires(CrewSource.None, "members:read").WorkspaceLevel();
        invitations.MapDelete("/{id}", RevokeAsync)
            .WithName("Invitations.Revoke")
            .WithSummary("Take an invitation back: its link is dead.")
            .Requires(CrewSource.None, "members:write").WorkspaceLevel().Audited("user.updated").Refuses("version_conflict");
    }

    private static async Task<Reply<Answer>> CreateAsync(
        Body<Request> body, Call call, Store store, InvitationBook book, PeopleDirectory people, Post post, IdentityOptions options, CancellationToken cancel)
    {
        if (body.Fault is { } broken)
        {
            return broken;
        }

        if (PeopleRegister.Check(body.Value.Email) is { } wrong)
        {
            return wrong;
        }

        var offer = RoleOffer.Check(call, body.Value.Role, body.Value.Environments, body.Value.ContentAccess);
        if (offer.Failed(out var refused))
        {
            return refused;
        }

        var email = body.Value.Email!;
        var made = await store.ChangeAsync<(Invitation Invitation, SecretText Text)>(call.Tenant, call.Origin,
            db => book.AddAsync(db, call, email, offer.Value, byMail: post.IsConfigured), cancel);
        if (made.Failed(out var fault))
        {
            return fault;
        }

        var (invitation, text) = made.Value;
        var link = options.Link($"/invite/{text.Reveal()}");
        if (!post.IsConfigured)
        {
            return Reply<Answer>.Created(book.AnswerOf(invitation) with { Link = link }, invitation.Version, holdsSecret: true);
        }

        var inviter = call.Caller.UserId is { } self && await people.FindAsync(self, cancel) is { } person ? person.Name ?? person.Email : call.Caller.Name;
        if (await post.SendAsync(LetterTexts.Invitation(email, call.Workspace.Name, inviter, link, options.InvitationDays), cancel) is { } unsent)
        {
            // A link that nobody got is not left to work.
            await store.ChangeAsync<bool>(call.Tenant, call.Origin, db => book.WithdrawAsync(db, call, invitation.Id), CancellationToken.None);
            return unsent;
        }

        await store.ChangeAsync<bool>(call.Tenant, call.Origin, async db => await InvitationBook.SentAsync(db, invitation.Id), CancellationToken.None);

        return Reply<Answer>.Created(book.AnswerOf(invitation), invitation.Version);
    }

    private static async Task<Reply<PageReply<Answer>>> ListAsync(Paging paging, Call call, Store store, InvitationBook book, CancellationToken cancel)
    {
        if (paging.Fault is { } fault)
        {
            return fault;
        }

        var page = await store.ReadAsync(call.Tenant, async db =>
        {
            var rows = await InvitationBook.Visible(db, call).AsNoTracking().Where(i => paging.Cursor == null || string.Compare(i.Id, paging.Cursor) > 0)
                .OrderBy(i => i.Id).Take(paging.Limit + 1).ToListAsync(cancel);
            return Page<Invitation>.From(rows, paging.Limit, i => Paging.Encode(i.Id));
        }, cancel);
        return new PageReply<Answer>(page.Select(book.AnswerOf));
    }

    private static async Task<Reply<Answer>> ReadAsync(string id, Call call, Store store, InvitationBook book, CancellationToken cancel)
    {
        var found = await store.ReadAsync(call.Tenant, db => InvitationBook.FindAsync(db, call, id), cancel);
        return found is null ? Faults.NotFound : Reply<Answer>.Ok(book.AnswerOf(found), found.Version);
    }

    private static async Task<Reply<Answer>> RevokeAsync(string id, Call call, Store store, InvitationBook book, CancellationToken cancel)
    {
        var revoked = await store.ChangeAsync<Invitation>(call.Tenant, call.Origin,
            db => book.RevokeAsync(db, call, id), cancel);
        return revoked.Failed(out var fault) ? fault : Reply<Answer>.Ok(book.AnswerOf(revoked.Value), revoked.Value.Version);
    }
}
