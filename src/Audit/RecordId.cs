using Crew.Kernel;

namespace Crew.Audit;

/// <summary>
/// The id of a record carries its time, so that a record is found by the index on time, in one partition, without an index
/// on ids.
/// </summary>
internal static class RecordId
{
    /// <summary>Reads the milliseconds of a well-formed id.</summary>
    public static bool TryReadTime(string? id, out long milliseconds) => Id.TryReadTime(id, IdPrefix.AuditRecord, out milliseconds);
}
