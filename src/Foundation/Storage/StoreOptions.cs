using System.ComponentModel.DataAnnotations;

namespace Crew.Storage;

/// <summary>Where the data lives. Without a connection string it is SQLite in the data folder.</summary>
public sealed record StoreOptions
{
    /// <summary>Folder of the SQLite database and of encrypted files.</summary>
    public required string DataFolder { get; init; }

    /// <summary>Npgsql connection string of the <c>migrate</c> login; null means SQLite.</summary>
    public string? PostgresConnectionString { get; init; }

    /// <summary>Longest wait for a lock of another process on the SQLite file.</summary>
    [Range(100, 60_000)]
    public int BusyTimeoutMilliseconds { get; init; } = 5_000;

    /// <summary>How long a batch that is not yet full waits for more rows before it commits, while several come within that time.</summary>
    [Range(0, 20)]
    public int GatherMilliseconds { get; init; } = 1;

    /// <summary>How many works fill a batch, so that it commits without waiting.</summary>
    [Range(1, 4_096)]
    public int BatchWorks { get; init; } = 64;

    /// <summary>How often changes made by other processes are looked for.</summary>
    [Range(20, 5_000)]
    public int FeedPollMilliseconds { get; init; } = 200;

    /// <summary>Space that is kept for mending a full disk, on SQLite; at most an eighth of the disk.</summary>
    [Range(1, 4_096)]
    public int ReserveMiB { get; init; } = 32;

    public string SqliteFile => Path.Combine(DataFolder, "crew.db");
}
