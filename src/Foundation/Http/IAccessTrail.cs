using Crew.Kernel;
using Crew.Storage;

namespace Crew.Http;

/// <summary>The seam to the audit log for records that are not part of a change: uses of credentials and refusals.</summary>
public interface IAccessTrail
{
    /// <summary>The row for an event outside of a transaction. A null tenant means the installation's own log.</summary>
    AppendRow Row(Tenant? tenant, Origin origin, Event happened, int? status = null);
}
