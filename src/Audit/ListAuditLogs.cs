using Crew.Audit.Contracts;
using Crew.Http;
using Crew.Kernel;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Crew.Audit;

internal static class ListAuditLogs
{
    public static void Map(RouteGroupBuilder logs) =>
        logs.MapGet("/", Handle)
            .WithName("Audit.List")
            .WithSummary("List audit records, newest first. Filters: event_type (names or groups such as auth.*), actor_id, resource_id, crew_id, "
                + "key_id, outcome, request_id, ip, from, to, log (workspace or organization).")
            .Requires(CrewSource.None, AuditAccess.Permission)
            .Takes(AuditFilter.Described)
            .WorkspaceLevel();

    private static async Task<Reply<PageReply<AuditLog>>> Handle(Paging paging, Call call, AuditReader reader, CancellationToken cancel)
    {
        var parsed = AuditFilter.Parse(call.Http.Request.Query, "limit", "cursor");
        if (parsed.Failed(out var fault))
        {
            return fault;
        }

        if ((paging.Fault ?? AuditAccess.Check(call, parsed.Value.Log)) is { } refusal)
        {
            return refusal;
        }

        if (paging.Cursor is not null && !RecordId.TryReadTime(paging.Cursor, out _))
        {
            return Faults.Invalid("cursor", "cursor is not one that this list has given. Take it from pagination.next_cursor, unchanged.");
        }

        var rows = await reader.ListAsync(call.Tenant, parsed.Value, paging.Cursor, paging.Limit + 1, cancel);
        return new PageReply<AuditLog>(Page<AuditLog>.From(rows, paging.Limit, static record => Paging.Encode(record.Id)));
    }
}
