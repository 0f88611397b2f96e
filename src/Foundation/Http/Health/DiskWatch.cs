using Crew.Kernel;
using Crew.Storage;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;

namespace Crew.Http;

/// <summary>
/// Watches the room that SQLite has left. When it runs out, the reserved space is given to the database, and only what may still help
/// uses it: account masters but for model calls, the command line, the upkeep, and others' reads as long as half of it is left.
/// </summary>
public sealed class DiskWatch(Store store, Conditions conditions, Metrics metrics, TimeProvider clock) : BackgroundService
{
    private const string Name = "disk";
    private const int PeriodMilliseconds = 250;
    private const int RetrySeconds = 10;

    private static readonly Fault NoRoom = Faults.StorageUnavailable with
    {
        Message = "The disk of this server is full, so nothing was changed. The operator can mend it: see the guide on operations. Repeat the request later.",
        RetryAfterSeconds = RetrySeconds,
    };

    private static readonly Fault NoRoomToRecord = Faults.AuditUnavailable with
    {
        Message = "The disk of this server is full, so the request could not be recorded and nothing was served. Repeat the request later.",
        RetryAfterSeconds = RetrySeconds,
    };

    private DiskRoom? _room;

    /// <summary>Whether the reserve is in use.</summary>
    public bool IsFull => Volatile.Read(ref _room) is { State: DiskState.Full or DiskState.Exhausted };

    /// <summary>Why the request must not write, or null. An answer needs no record then: nothing was served.</summary>
    internal Fault? Refuse(Call call, bool isInvocation)
    {
        if (!IsFull || (call.Caller.IsAccount && !isInvocation))
        {
            return null;
        }

        var reads = HttpMethods.IsGet(call.Http.Request.Method) || HttpMethods.IsHead(call.Http.Request.Method);
        if (reads && Volatile.Read(ref _room)!.State == DiskState.Full)
        {
            return null;
        }

        call.Origin.TakeAccess();
        return reads || isInvocation ? NoRoomToRecord : NoRoom;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (store.Disk is not { } disk)
        {
            return;
        }

        metrics.Gauge("crew_disk_free_bytes", "Free room on the disk of the data folder.", () => Volatile.Read(ref _room)?.FreeBytes ?? 0);
        metrics.Gauge("crew_disk_reusable_bytes", "Room inside the database file that was freed and is used again.", () => Volatile.Read(ref _room)?.ReusableBytes ?? 0);
        metrics.Gauge("crew_disk_reserve_bytes", "Space reserved for mending a full disk; 0 while it is in use.", () => Volatile.Read(ref _room)?.ReserveBytes ?? 0);
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(PeriodMilliseconds), clock);
        try
        {
            do
            {
                Look(disk);
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }

    private void Look(DiskReserve disk)
    {
        if (disk.Look(IsFull) is not { } room)
        {
            return;
        }

        Volatile.Write(ref _room, room);
        var free = $"{(room.FreeBytes + room.ReusableBytes) >> 20} MiB are left";
        conditions.Set(room.State switch
        {
            DiskState.Ok => new Condition(Name, "ok", ConditionLevel.Fine, $"{free}."),
            DiskState.Low => new Condition(Name, "low", ConditionLevel.Degraded, $"{free}. Make room, or shorten what is kept."),
            DiskState.NearlyFull => new Condition(Name, "nearly_full", ConditionLevel.Degraded, $"{free}. Soon all writes are refused: make room now."),
            DiskState.Full => new Condition(Name, "full", ConditionLevel.Failing, $"{free}, of the reserve. Only reads, account masters and the command line work."),
            _ => new Condition(Name, "exhausted", ConditionLevel.Failing, $"{free}, less than half of the reserve. Only account masters and the command line work."),
        });
    }
}
