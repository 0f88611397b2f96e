using Crew.Storage;

namespace Crew.Audit;

/// <summary>
/// How the log travels in a backup. The order that the sequencer follows is given by each database (a position, a transaction id),
/// so it is not copied as it is: a copy says how far behind the sequencer's mark a record stands, 0 for those that have their leaf.
/// After a restore those are before the mark, the others behind it in their old order.
/// </summary>
internal static class AuditTransferSchema
{
    public static readonly IReadOnlyList<TransferRule> Rules =
    [
        new("audit_records")
        {
            LocalColumns = ["position", "xid"],
            Order = new DialectSql("position", "xid, id"),
            Extra = new TransferExtra("behind", new DialectSql(
                "max(position - (SELECT position FROM audit_sequencer), 0)",
                "count(*) FILTER (WHERE (xid, id) > (SELECT xid, record_id FROM audit_sequencer)) OVER (ORDER BY xid, id ROWS UNBOUNDED PRECEDING)"), "xid"),
        },
        new("audit_alert_mark")
        {
            // What a copy brings was told where it came from.
            StaysBehind = true,
            Finish = new DialectSql(
                "UPDATE audit_alert_mark SET position = coalesce((SELECT max(position) FROM audit_records), 0)",
                "UPDATE audit_alert_mark SET xid = pg_current_xact_id(), record_id = '~', at = 0"),
        },
        new("audit_sequencer")
        {
            StaysBehind = true,
            Finish = new DialectSql(
                """
                UPDATE audit_sequencer SET position = coalesce((
                  SELECT r.position FROM audit_records r WHERE EXISTS (SELECT 1 FROM audit_leaves l WHERE l.record_id = r.id)
                  ORDER BY r.position DESC LIMIT 1), 0)
                """,
                """
                UPDATE audit_records SET xid = (pg_current_xact_id()::text::bigint - 1)::text::xid8 WHERE xid >= pg_current_xact_id();
                UPDATE audit_sequencer SET xid = '0', record_id = '~', at = 0
                """),
        },
    ];
}
