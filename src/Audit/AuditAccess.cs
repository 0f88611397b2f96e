using Crew.Http;
using Crew.Kernel;

namespace Crew.Audit;

/// <summary>Which log a caller may read: the workspace's and the organization's take the permission each at its own level.</summary>
internal static class AuditAccess
{
    public const string Permission = "audit:read";

    private static readonly Permission Read = Permissions.Of(Permission);

    public static bool MayReadOrganization(Call call) => call.Caller.OrganizationPermissions.Has(Read);

    public static Fault? Check(Call call, EventLog log) =>
        (log == EventLog.Organization ? MayReadOrganization(call) : call.Caller.Permissions.Has(Read))
            ? null
            : Faults.InsufficientPermissions(Permission).With("level", log == EventLog.Organization ? "organization" : "workspace");
}
