using System.ComponentModel;
using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Crew.Tenancy.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Tenancy.Members;

/// <summary>The people of a workspace and, for who manages the organization, those with a role in it. They come by invitation only.</summary>
internal static class MemberRoutes
{
    internal sealed record Answer(
        string Id, string UserId, string? Email, string? Name, bool EmailVerified, string Role, IReadOnlyList<string>? Environments, bool ContentAccess,
        DateTimeOffset CreatedAt);

    internal sealed record Request(
        [property: Description("owner, admin, member or viewer; of the organization org_owner, org_admin or org_billing.")] string? Role,
        [property: Description("Environments that the role is narrowed to; null leaves them as they are, all three lift the narrowing.")] IReadOnlyList<string>? Environments,
        [property: Description("Whether the role reaches content.")] bool? ContentAccess);

    public static void Map(RouteGroupBuilder members)
    {
        members.MapGet("/", ListAsync)
            .WithName("Members.List")
            .WithSummary("List the people of this workspace with their roles, or those with a role of the organization.")
            .Takes(new QueryParameter("of", "organization lists the roles of the organization, for who sees it; workspace is the default."))
            .Requires(CrewSource.None, "members:read")
            .WorkspaceLevel();
        members.MapGet("/{id}", ReadAsync)
            .WithName("Members.Read")
            .WithSummary("Read one membership.")
            .Requires(CrewSource.None, "members:read")
            .WorkspaceLevel();
        members.MapPatch("/{id}", UpdateAsync)
            .WithName("Members.Update")
            .WithSummary("Change a role or what it is narrowed to. It holds on every node when this has answered.")
            .Requires(CrewSource.None, "members:write")
            .WorkspaceLevel()
            .StepUp()
            .Audited("user.role.changed")
            .Refuses("version_conflict", "last_owner")
            .Example("""{"role": "viewer"}""");
        members.MapDelete("/{id}", RemoveAsync)
            .WithName("Members.Remove")
            .WithSummary("Take a person's role away. Their sessions, their own keys and tokens end here at once, on every node.")
            .Requires(CrewSource.None, "members:write")
            .WorkspaceLevel()
            .StepUp()
            .Audited("member.removed", "api_key.revoked", "token.revoked")
            .Refuses("version_conflict", "last_owner");
    }

    private static async Task<Reply<PageReply<Answer>>> ListAsync(Paging paging, Call call, Store store, PeopleDirectory people, CancellationToken cancel)
    {
        if (paging.Fault is { } fault)
        {
            return fault;
        }

        var of = call.Http.Request.Query["of"].ToString();
        if (of is not ("" or "workspace" or "organization"))
        {
            return Faults.Invalid("of", "of must be workspace or organization.");
        }

        var page = await store.ReadAsync(call.Tenant, async db =>
        {
            var rows = await Visible(db, call).AsNoTracking().Where(m => m.WorkspaceId == null == (of == "organization")).Where(m => paging.Cursor == null || string.Compare(m.Id, paging.Cursor) > 0)
                .OrderBy(m => m.Id).Take(paging.Limit + 1).ToListAsync(cancel);
            return Page<Membership>.From(rows, paging.Limit, m => Paging.Encode(m.Id));
        }, cancel);
        var known = await people.FindAllAsync(page.Items.Select(m => m.UserId), cancel);
        return new PageReply<Answer>(page.Select(m => AnswerOf(m, known.GetValueOrDefault(m.UserId))));
    }

    private static async Task<Reply<Answer>> ReadAsync(string id, Call call, Store store, PeopleDirectory people, CancellationToken cancel)
    {
        var member = await store.ReadAsync(call.Tenant, db => FindAsync(db, id, call), cancel);
        return member is null ? Faults.NotFound : Reply<Answer>.Ok(AnswerOf(member, await people.FindAsync(member.UserId, cancel)), member.Version);
    }

    private static async Task<Reply<Answer>> UpdateAsync(string id, Body<Request> body, Call call, Store store, PeopleDirectory people, CancellationToken cancel)
    {
        if (body.Fault is { } broken)
        {
            return broken;
        }

        var changed = await store.ChangeAsync<Membership>(call.Tenant, call.Origin, async db =>
        {
            if (await FindAsync(db, id, call) is not { } member)
            {
                return Faults.NotFound;
            }

            if ((call.CheckVersion(member.Version) ?? ActingOn(member, call)) is { } refused)
            {
                return refused;
            }

            var offer = RoleOffer.Check(call, body.Value.Role ?? member.Role, body.Value.Environments ?? member.Environments, body.Value.ContentAccess ?? member.ContentAccess);
            if (offer.Failed(out var wrong))
            {
                return wrong;
            }

            if (offer.Value.IsOfOrganization != member.WorkspaceId is null)
            {
                return Faults.Invalid("role", "A role of a workspace does not become one of the organization. Invite the person to the other one.");
            }

            return await KeepAnOwnerAsync(db, member, offer.Value) is { } last ? last : Change(db, member, offer.Value);
        }, cancel);
        return changed.Failed(out var fault)
            ? fault
            : Reply<Answer>.Ok(AnswerOf(changed.Value, await people.FindAsync(changed.Value.UserId, cancel)), changed.Value.Version);
    }

    private static Membership Change(Db db, Membership member, RoleOffer offer)
    {
        var before = (member.Role, member.Environments, member.ContentAccess);
        var reached = offer.Environments is { Count: < 3 } some ? some.Select(e => e.ToName()).ToList() : null;
        (member.Role, member.Environments, member.ContentAccess, member.Version) = (offer.Role, reached, offer.ContentAccess, member.Version + 1);
        db.Raise(new Event("user.role.changed", new Resource("user", member.UserId))
        {
            Changes =
            [
                new FieldChange("role", before.Role, member.Role), new FieldChange("environments", before.Environments, member.Environments),
                new FieldChange("content_access", before.ContentAccess, member.ContentAccess),
            ],
        });
        db.Touch(PeopleDirectory.FeedTopic, member.UserId);
        return member;
    }

    private static async Task<Reply<Answer>> RemoveAsync(
        string id, Call call, Store store, PeopleDirectory people, IEnumerable<IHoldings> holdings, TimeProvider clock, CancellationToken cancel)
    {
        var removed = await store.ChangeAsync(call.Tenant, call.Origin, db => EndAsync(db, call, id, holdings, clock.GetUtcNow(), checksVersion: true), cancel);
        return removed.Failed(out var fault) ? fault : AnswerOf(removed.Value, await people.FindAsync(removed.Value.UserId, cancel));
    }

    /// <summary>Removes a membership that the caller sees, with what its person holds in the workspace.</summary>
    public static async Task<Outcome<Membership>> EndAsync(Db db, Call call, string id, IEnumerable<IHoldings> holdings, DateTimeOffset now, bool checksVersion)
    {
        if (await FindAsync(db, id, call) is not { } member)
        {
            return Faults.NotFound;
        }

        // Whoever leaves by themselves acts on nobody above; a key of theirs is not themselves.
        if (((checksVersion ? call.CheckVersion(member.Version) : null) ?? (IsThemselves(member, call) ? null : ActingOn(member, call))
            ?? await KeepAnOwnerAsync(db, member, null)) is { } refused)
        {
            return refused;
        }

        db.Remove(member);
        foreach (var holding in member.WorkspaceId is null ? [] : holdings)
        {
            await holding.EndAsync(db, db.Tenant, member.UserId, now);
        }

        db.Raise(new Event("member.removed", new Resource("user", member.UserId)) { Changes = [new FieldChange("role", member.Role, null)] });
        db.Touch(PeopleDirectory.FeedTopic, member.UserId);
        return member;
    }

    private static bool IsThemselves(Membership member, Call call) => call.Caller.SessionId is not null && member.UserId == call.Caller.UserId;

    /// <summary>Nobody acts on a role above their own, nor on one that reaches further than theirs.</summary>
    private static Fault? ActingOn(Membership member, Call call) => new RoleOffer(member.Role,
        member.Environments?.Select(name => CrewEnvironments.TryParse(name, out var environment) ? environment : default).ToList(), member.ContentAccess).Refuse(call);

    /// <summary>
    /// The last Owner of a workspace, and of an organization, stays, and stays whole: one who is narrowed to environments reaches neither people nor
    /// settings, and could not lift that again. The other Owners' rows move on with this change, so that of two Owners who remove each other at the
    /// same moment one meets a row that is not as it was.
    /// </summary>
    private static async Task<Fault?> KeepAnOwnerAsync(Db db, Membership member, RoleOffer? next)
    {
        if (member.Role is not (Roles.Owner or Roles.OrganizationOwner) || (next?.Role == member.Role && next.Environments is null or { Count: 3 }))
        {
            return null;
        }

        var others = await db.Set<Membership>().Where(m => m.WorkspaceId == member.WorkspaceId && m.OrganizationId == member.OrganizationId
            && m.Role == member.Role && m.Id != member.Id && m.UserId != member.UserId && m.Environments == null).ToListAsync();
        others.ForEach(other => other.Version++);
        return others.Count > 0 ? null : new Fault("last_owner", 409, "This is the last Owner, and there must be one. Make somebody else an Owner first.");
    }

    private static async Task<Membership?> FindAsync(Db db, string id, Call call) =>
        Id.IsValid(id, IdPrefix.Membership) ? await Visible(db, call).SingleOrDefaultAsync(m => m.Id == id) : null;

    /// <summary>Those of this workspace; those of the organization for who sees it.</summary>
    private static IQueryable<Membership> Visible(Db db, Call call)
    {
        var workspaceId = call.Workspace.Id;
        var above = call.Caller.OrganizationPermissions.Has(Permissions.Of("organization:read"));
        return db.Set<Membership>().Where(m => m.WorkspaceId == workspaceId || (above && m.WorkspaceId == null));
    }

    private static Answer AnswerOf(Membership member, Person? person) => new(
        member.Id, member.UserId, person?.Email, person?.Name, person?.IsVerified ?? false, member.Role, member.Environments, member.ContentAccess, member.CreatedAt);
}
