using System.Globalization;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Audit.Alerts;

/// <summary>Moves the mark of alerts, in the transaction that writes what was found.</summary>
internal static class AlertAppend
{
    /// <summary>False when it has been moved since it was read: then somebody else has done this step.</summary>
    public static async Task<bool> MoveAsync(Db db, bool sqlite, AlertMark from, TellingRecord to)
    {
        var moved = sqlite
            ? db.Database.ExecuteSqlAsync($"""
                UPDATE audit_alert_mark SET position = {long.Parse(to.Place, CultureInfo.InvariantCulture)}
                WHERE id = 1 AND position = {long.Parse(from.Place, CultureInfo.InvariantCulture)}
                """)
            : db.Database.ExecuteSqlAsync($"""
                UPDATE audit_alert_mark SET xid = {to.Place}::xid8, record_id = {to.Id}, at = {Math.Max(from.At, to.At)}
                WHERE id = 1 AND xid = {from.Place}::xid8 AND record_id = {from.RecordId}
                """);
        return await moved == 1;
    }
}
