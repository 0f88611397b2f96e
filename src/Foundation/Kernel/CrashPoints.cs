namespace Crew.Kernel;

/// <summary>
/// The names of all places where a test may let the process die. Each is passed in exactly one place and swept by <c>tests/Faults.Tests</c>;
/// a convention holds both.
/// </summary>
public static class CrashPoints
{
    // A model call that is answered in one piece.
    public const string DispatchBefore = "dispatch.before";
    public const string DispatchAfter = "dispatch.after";
    public const string SettleBefore = "settle.before";
    public const string SettleAfter = "settle.after";
    public const string RecordBefore = "record.before";
    public const string RecordAfter = "record.after";
    public const string ReplyBefore = "reply.before";
    public const string ReplyAfter = "reply.after";

    // A streamed answer.
    public const string StreamRecordBefore = "stream.record.before";
    public const string StreamRecordAfter = "stream.record.after";
    public const string StreamBytesAfter = "stream.bytes.after";
    public const string StreamSettleBefore = "stream.settle.before";
    public const string StreamSettleAfter = "stream.settle.after";
    public const string StreamEndBefore = "stream.end.before";
    public const string StreamEndAfter = "stream.end.after";

    // The management plane.
    public const string KeyCreateBefore = "key.create.before";
    public const string KeyCreateAfter = "key.create.after";
    public const string KeyRollBefore = "key.roll.before";
    public const string KeyRollAfter = "key.roll.after";
    public const string KeyRevokeBefore = "key.revoke.before";
    public const string KeyRevokeAfter = "key.revoke.after";
    public const string AnswerBefore = "answer.before";
    public const string AnswerAfter = "answer.after";

    // The two committers, and changes on PostgreSQL.
    public const string SqliteBatchBefore = "sqlite.batch.before";
    public const string SqliteCommitBefore = "sqlite.commit.before";
    public const string SqliteCommitAfter = "sqlite.commit.after";
    public const string SqliteCheckpointBefore = "sqlite.checkpoint.before";
    public const string SqliteCheckpointAfter = "sqlite.checkpoint.after";
    public const string PostgresFlushBefore = "postgres.flush.before";
    public const string PostgresFlushCommitBefore = "postgres.flush.commit.before";
    public const string PostgresFlushCommitAfter = "postgres.flush.commit.after";
    public const string PostgresChangeCommitBefore = "postgres.change.commit.before";
    public const string PostgresChangeCommitAfter = "postgres.change.commit.after";
    public const string SequenceBefore = "sequence.before";
    public const string SequenceAfter = "sequence.after";

    // Leases of budgets.
    public const string EpochAfter = "epoch.after";
    public const string LeaseBefore = "lease.before";
    public const string LeaseAfter = "lease.after";

    // A first start, and the schema.
    public const string MasterKeyBefore = "start.master_key.before";
    public const string MasterKeyAfter = "start.master_key.after";
    public const string SqliteSchemaFileAfter = "sqlite.schema.file.after";
    public const string SqliteSchemaCommitAfter = "sqlite.schema.commit.after";
    public const string PostgresSchemaFileAfter = "postgres.schema.file.after";
    public const string PostgresSchemaCommitAfter = "postgres.schema.commit.after";
    public const string HierarchyAfter = "start.hierarchy.after";
    public const string OrganizationAfter = "start.organization.after";
    public const string MastersAfter = "start.masters.after";
    public const string FirstRunFileAfter = "start.first_run_file.after";

    // Backup and restore.
    public const string BackupNameBefore = "backup.name.before";
    public const string BackupNameAfter = "backup.name.after";
    public const string SqliteRestoreCommitBefore = "sqlite.restore.commit.before";
    public const string SqliteRestoreNameBefore = "sqlite.restore.name.before";
    public const string SqliteRestoreNameAfter = "sqlite.restore.name.after";
    public const string PostgresRestoreCommitBefore = "postgres.restore.commit.before";
    public const string PostgresRestoreCommitAfter = "postgres.restore.commit.after";
}
