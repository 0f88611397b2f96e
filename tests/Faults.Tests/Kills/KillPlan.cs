using Crew.Kernel;

namespace Crew.Faults.Tests;

/// <summary>One death: at the n-th pass of a point, or, without a point, from outside after so many milliseconds of load.</summary>
internal sealed record Kill(string? Point, int Pass)
{
    public string? Armed => Point is null ? null : $"{Point}:{Pass}";

    public override string ToString() => Armed ?? $"after {Pass} ms";
}

/// <summary>A point with the highest pass at which it is worth dying.</summary>
internal sealed record SweptPoint(string Point, int MostPasses);

/// <summary>Which points are swept in which scene.</summary>
internal static class KillPlan
{
    /// <summary>Passed by requests and changes of a server under load, on either database.</summary>
    public static readonly SweptPoint[] UnderLoad =
    [
        new(CrashPoints.DispatchBefore, 30), new(CrashPoints.DispatchAfter, 30), new(CrashPoints.SettleBefore, 30), new(CrashPoints.SettleAfter, 30),
        new(CrashPoints.RecordBefore, 30), new(CrashPoints.RecordAfter, 30), new(CrashPoints.ReplyBefore, 30), new(CrashPoints.ReplyAfter, 30),
        new(CrashPoints.StreamRecordBefore, 8), new(CrashPoints.StreamRecordAfter, 8), new(CrashPoints.StreamBytesAfter, 30),
        new(CrashPoints.StreamSettleBefore, 8), new(CrashPoints.StreamSettleAfter, 8), new(CrashPoints.StreamEndBefore, 8), new(CrashPoints.StreamEndAfter, 8),
        new(CrashPoints.KeyCreateBefore, 4), new(CrashPoints.KeyCreateAfter, 4), new(CrashPoints.KeyRollBefore, 3), new(CrashPoints.KeyRollAfter, 3),
        new(CrashPoints.KeyRevokeBefore, 3), new(CrashPoints.KeyRevokeAfter, 3), new(CrashPoints.AnswerBefore, 12), new(CrashPoints.AnswerAfter, 12),
        new(CrashPoints.EpochAfter, 1), new(CrashPoints.LeaseBefore, 3), new(CrashPoints.LeaseAfter, 3),
    ];

    public static readonly SweptPoint[] SqliteUnderLoad =
    [
        new(CrashPoints.SqliteBatchBefore, 30), new(CrashPoints.SqliteCommitBefore, 30), new(CrashPoints.SqliteCommitAfter, 30),
        new(CrashPoints.SqliteCheckpointBefore, 4), new(CrashPoints.SqliteCheckpointAfter, 4),
    ];

    public static readonly SweptPoint[] PostgresUnderLoad =
    [
        new(CrashPoints.PostgresFlushBefore, 30), new(CrashPoints.PostgresFlushCommitBefore, 30), new(CrashPoints.PostgresFlushCommitAfter, 30),
        new(CrashPoints.PostgresChangeCommitBefore, 12), new(CrashPoints.PostgresChangeCommitAfter, 12),
        new(CrashPoints.SequenceBefore, 4), new(CrashPoints.SequenceAfter, 4),
    ];

    /// <summary>Passed once in the life of an installation.</summary>
    public static readonly SweptPoint[] FirstStart =
    [
        new(CrashPoints.HierarchyAfter, 1), new(CrashPoints.OrganizationAfter, 1), new(CrashPoints.MastersAfter, 1), new(CrashPoints.FirstRunFileAfter, 1),
    ];

    public static readonly SweptPoint[] SqliteFirstStart =
        [new(CrashPoints.MasterKeyBefore, 1), new(CrashPoints.MasterKeyAfter, 1), new(CrashPoints.SqliteSchemaFileAfter, 8), new(CrashPoints.SqliteSchemaCommitAfter, 1)];

    public static readonly SweptPoint[] PostgresFirstStart = [new(CrashPoints.PostgresSchemaFileAfter, 8), new(CrashPoints.PostgresSchemaCommitAfter, 1)];

    public static readonly SweptPoint[] Backup = [new(CrashPoints.BackupNameBefore, 1), new(CrashPoints.BackupNameAfter, 1)];

    public static readonly SweptPoint[] SqliteRestore =
        [new(CrashPoints.SqliteRestoreCommitBefore, 1), new(CrashPoints.SqliteRestoreNameBefore, 1), new(CrashPoints.SqliteRestoreNameAfter, 1)];

    public static readonly SweptPoint[] PostgresRestore = [new(CrashPoints.PostgresRestoreCommitBefore, 1), new(CrashPoints.PostgresRestoreCommitAfter, 1)];

    /// <summary>Goes round all points in a drawn order; the pass of each death is drawn, too.</summary>
    public static IReadOnlyList<Kill> Draw(Random random, int count, params SweptPoint[] points)
    {
        var plan = new List<Kill>(count);
        while (plan.Count < count)
        {
            SweptPoint[] round = [.. points];
            random.Shuffle(round);
            plan.AddRange(round.Take(count - plan.Count).Select(swept => new Kill(swept.Point, random.Next(1, swept.MostPasses + 1))));
        }

        return plan;
    }
}
