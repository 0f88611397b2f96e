namespace Crew.Storage;

/// <summary>How much room is left.</summary>
public enum DiskState
{
    Ok,
    Low,
    NearlyFull,

    /// <summary>The reserve is in use.</summary>
    Full,

    /// <summary>Less than half of the reserve is left.</summary>
    Exhausted,
}

/// <summary>The room of a data folder at one moment, in bytes.</summary>
/// <param name="ReusableBytes">Pages inside the database file that are free.</param>
/// <param name="ReserveBytes">The reserved space; 0 while it is in use.</param>
public sealed record DiskRoom(DiskState State, long FreeBytes, long ReusableBytes, long ReserveBytes);

/// <summary>
/// A file of zeros beside the database. It keeps a few mebibytes of the disk from being filled, so that they can be given to the
/// database when the rest is full. On a small disk it is an eighth of it.
/// </summary>
public sealed class DiskReserve
{
    private const long Mebibyte = 1 << 20;
    private readonly StoreOptions _options;
    private readonly Func<long> _reusable;
    private readonly string _file;

    internal DiskReserve(StoreOptions options, Func<long> reusable) =>
        (_options, _reusable, _file) = (options, reusable, Path.Combine(options.DataFolder, "crew.reserve"));

    /// <summary>Looks, and acts: gives the reserve to the database when the disk is full, and sets it up again when there is room. Null: it cannot be seen.</summary>
    /// <param name="wasFull">Whether the last look found the disk full; it must get clearly better to count as mended.</param>
    public DiskRoom? Look(bool wasFull)
    {
        try
        {
            var drive = new DriveInfo(_options.DataFolder);
            var limits = Limits.Of(drive.TotalSize, _options);
            var reserve = File.Exists(_file) ? limits.Reserve : 0;
            var free = drive.AvailableFreeSpace;
            var reusable = free < limits.Low ? _reusable() : 0;
            var left = free + reusable;

            // Without its file the reserve is kept free inside what is left.
            var kept = reserve > 0 ? 0 : limits.Reserve;
            if (left < limits.Floor + kept || (wasFull && left < (2 * limits.Floor) + kept))
            {
                if (reserve > 0)
                {
                    File.Delete(_file);
                    free = drive.AvailableFreeSpace;
                    left = free + reusable;
                }

                return new DiskRoom(left > (limits.Floor + limits.Reserve) / 2 ? DiskState.Full : DiskState.Exhausted, free, reusable, 0);
            }

            if (reserve == 0 && free > limits.Reserve + (2 * limits.Floor))
            {
                Make(limits.Reserve);
                (reserve, free) = (limits.Reserve, drive.AvailableFreeSpace);
            }

            return new DiskRoom(left < limits.Nearly ? DiskState.NearlyFull : left < limits.Low ? DiskState.Low : DiskState.Ok, free, reusable, reserve);
        }
        catch (Exception unseen) when (unseen is IOException or UnauthorizedAccessException or StorageUnavailableException)
        {
            return null;
        }
    }

    /// <summary>For the command line, and for a start on a full disk: gives the reserve to the database if nothing else is left.</summary>
    internal void ReleaseIfFull()
    {
        if (File.Exists(_file) && new DriveInfo(_options.DataFolder) is var drive && drive.AvailableFreeSpace < Limits.Of(drive.TotalSize, _options).Floor)
        {
            File.Delete(_file);
        }
    }

    private void Make(long bytes)
    {
        using var file = new FileStream(_file, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, PreallocationSize = bytes });
        file.SetLength(bytes);
    }

    /// <summary>The thresholds of a disk, in bytes.</summary>
    private readonly record struct Limits(long Reserve, long Floor, long Nearly, long Low)
    {
        public static Limits Of(long total, StoreOptions options)
        {
            var reserve = Math.Min(options.ReserveMiB * Mebibyte, total / 8);
            return new Limits(reserve, reserve / 2, Math.Min(256 * Mebibyte, total / 6), Math.Min(2_048 * Mebibyte, total / 4));
        }
    }
}
