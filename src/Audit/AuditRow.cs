using Crew.Storage;

namespace Crew.Audit;

/// <summary>One audit record on its way into the log, all of it decided: writing it costs nothing but the writing.</summary>
internal sealed class AuditRow(RecordFields fields) : NumberedRow
{
    public static readonly AppendTable Records = new("audit_records",
        new("id", ColumnKind.Text), new("at", ColumnKind.Integer), new("organization_id", ColumnKind.Text), new("workspace_id", ColumnKind.Text),
        new("event_type", ColumnKind.Text), new("outcome", ColumnKind.Text), new("reason", ColumnKind.Text),
        new("actor_type", ColumnKind.Text), new("actor_id", ColumnKind.Text), new("actor_last4", ColumnKind.Text),
        new("resource_type", ColumnKind.Text), new("resource_id", ColumnKind.Text), new("resource_name", ColumnKind.Text),
        new("crew_id", ColumnKind.Text), new("request_id", ColumnKind.Text), new("status", ColumnKind.Integer), new("key_id", ColumnKind.Text),
        new("changes", ColumnKind.Text), new("commitments", ColumnKind.Blob), new("personal", ColumnKind.Blob), new("ip_hash", ColumnKind.Text))
    {
        Numbering = new CommitNumbering("position", "audit_sequencer", LeafRow.Leaves, "log_id", "sequence"),
    };

    public override AppendTable Table => Records;

    public override string LogId => fields.LogId;

    public RecordFields Fields => fields;

    public override AppendRow LeafAt(long number) => new LeafRow(LogId, number, fields.Id, Leaf.Hash(fields, number), fields.At);

    public override void Write(IRowWriter writer)
    {
        writer.Text(fields.Id);
        writer.Integer(fields.At);
        writer.Text(fields.OrganizationId);
        writer.Text(fields.WorkspaceId);
        writer.Text(fields.EventType);
        writer.Text(fields.Outcome);
        writer.Text(fields.Reason);
        writer.Text(fields.ActorType);
        writer.Text(fields.ActorId);
        writer.Text(fields.ActorLast4);
        writer.Text(fields.ResourceType);
        writer.Text(fields.ResourceId);
        writer.Text(fields.ResourceName);
        writer.Text(fields.CrewId);
        writer.Text(fields.RequestId);
        writer.Integer(fields.Status);
        writer.Text(fields.KeyId);
        writer.Text(fields.Changes);
        writer.Blob(fields.Commitments);
        writer.Blob(fields.Personal);
        writer.Text(fields.IpHash);
    }
}

/// <summary>A record's place in its log and its leaf, as the sequencer writes it.</summary>
internal sealed class LeafRow(string logId, long sequence, string recordId, byte[] hash, long at) : AppendRow
{
    public static readonly AppendTable Leaves = new("audit_leaves",
        new("log_id", ColumnKind.Text), new("sequence", ColumnKind.Integer), new("record_id", ColumnKind.Text),
        new("leaf_hash", ColumnKind.Blob), new("at", ColumnKind.Integer));

    public override AppendTable Table => Leaves;

    public override void Write(IRowWriter writer)
    {
        writer.Text(logId);
        writer.Integer(sequence);
        writer.Text(recordId);
        writer.Blob(hash);
        writer.Integer(at);
    }
}
