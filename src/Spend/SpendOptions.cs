using System.ComponentModel.DataAnnotations;

namespace Crew.Spend;

/// <summary>The limits of the spend engine.</summary>
internal sealed record SpendOptions
{
    /// <summary>Longest wait of one request for its leases to grow.</summary>
    [Range(100, 30_000)]
    public int HoldWaitMilliseconds { get; init; } = 2_000;

    /// <summary>How many leases one transaction extends: short, because on SQLite everybody waits behind it.</summary>
    [Range(1, 1_024)]
    public int BatchLeases { get; init; } = 16;

    /// <summary>Pause after a failed extension.</summary>
    [Range(1, 5_000)]
    public int RetryMilliseconds { get; init; } = 50;

    /// <summary>A lease that nobody used for so long is given back.</summary>
    [Range(1, 86_400)]
    public int IdleSeconds { get; init; } = 60;

    /// <summary>How often windows are closed and idle leases given back. Beside other nodes, each says every second that it lives.</summary>
    [Range(1, 300)]
    public int TidySeconds { get; init; } = 5;

    /// <summary>
    /// Without the database for so long, a node spends no more of what it has leased: half of the time after which others take it for dead.
    /// </summary>
    public int ValidSeconds => DeadAfterSeconds / 2;

    /// <summary>A process start that has not reported for so long is dead: what it leased and nobody settled is lost.</summary>
    [Range(4, 3_600)]
    public int DeadAfterSeconds { get; init; } = 20;

    /// <summary>How often budgets are looked at of which something was settled.</summary>
    [Range(1, 300)]
    public int WarnSeconds { get; init; } = 1;

    /// <summary>How often the counters are compared with the ledger; leases of the last two periods are.</summary>
    [Range(1, 1_440)]
    public int CheckMinutes { get; init; } = 15;

    /// <summary>How long one comparison may take.</summary>
    [Range(1, 300)]
    public int CheckSeconds { get; init; } = 5;
}
