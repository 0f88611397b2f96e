using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Spend;

/// <summary>The sum of a workspace's rows of one day that are gone and agreed in everything usage is asked for by.</summary>
internal sealed class UsageDay : IWorkspaceOwned, IUsageFacts
{
    public string WorkspaceId { get; init; } = "";

    /// <summary>Days since 1970, UTC.</summary>
    public int Day { get; init; }

    /// <summary>All parts that usage is asked for by, in one text.</summary>
    public string Cell { get; init; } = "";

    public string? CrewId { get; init; }

    public string? KeyId { get; init; }

    public string? LineageId { get; init; }

    public string? UserId { get; init; }

    public string Model { get; init; } = "";

    public string? ProviderId { get; init; }

    public string Provenance { get; init; } = "";

    public int Status { get; init; }

    public string Outcome { get; init; } = "";

    /// <summary>Requests with an attempt in this cell.</summary>
    public long Requests { get; init; }

    /// <summary>Requests whose first attempt is in this cell: their sum over cells counts no request twice.</summary>
    public long BegunRequests { get; init; }

    public long Attempts { get; init; }

    public long InputTokens { get; init; }

    public long CacheReadTokens { get; init; }

    public long CacheWriteTokens { get; init; }

    public long OutputTokens { get; init; }

    public long ReasoningTokens { get; init; }

    public long AudioInputTokens { get; init; }

    public long AudioOutputTokens { get; init; }

    public long ImageInputTokens { get; init; }

    public long ImageOutputTokens { get; init; }

    public long Images { get; init; }

    public long AudioSeconds { get; init; }

    public long Characters { get; init; }

    public long CostNano { get; init; }

    public static void Map(ModelBuilder model) => model.Entity<UsageDay>(day =>
    {
        day.ToTable("spend_usage_days");
        day.HasKey(d => new { d.WorkspaceId, d.Day, d.Cell });
    });
}
