using Crew.Audit.Contracts;
using Crew.Http;
using Crew.Kernel;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Crew.Audit;

internal static class ReadAuditLog
{
    public static void Map(RouteGroupBuilder logs) =>
        logs.MapGet("/{id}", Handle)
            .WithName("Audit.Read")
            .WithSummary("Read one audit record of the workspace's log, or of the organization's for its own roles.")
            .Requires(CrewSource.None, AuditAccess.Permission)
            .WorkspaceLevel();

    private static async Task<Reply<AuditLog>> Handle(string id, Call call, AuditReader reader, CancellationToken cancel)
    {
        var found = await reader.FindAsync(call.Tenant, id, AuditAccess.MayReadOrganization(call), cancel);
        return found is null || (found.WorkspaceId is not null && AuditAccess.Check(call, EventLog.Workspace) is not null) ? Faults.NotFound : found;
    }
}
