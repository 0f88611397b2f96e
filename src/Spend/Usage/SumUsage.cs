using System.Globalization;
using System.Text.Json.Serialization;
using Crew.Http;
using Crew.Kernel;
using Crew.Sealing;
using Crew.Spend.Contracts;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Spend;

internal static class SumUsage
{
    private const long DayMs = 86_400_000;
    private const int DefaultDays = 31;
    private const int MostGroups = 10_000;

    /// <summary>One group; fields that were not asked for, or that its rows do not have, are left out.</summary>
    internal sealed record Answer(
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? KeyId,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Model,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? CrewId,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? UserId,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Day,
        long Requests, long Attempts, TokensAnswer Tokens, NanoUsd CostUsd);

    public static void Map(RouteGroupBuilder gateway) =>
        gateway.MapGet("/usage", Handle)
            .WithName("Usage.Sum")
            .WithSummary("Sum requests, tokens and cost of the gateway, grouped by key, model, crew, user and day.")
            .Requires(CrewSource.None, "usage:read")
            .Takes([.. UsageFilter.Described, new QueryParameter("group_by", "Any of key, model, crew, user and day, comma-separated.")]);

    private static async Task<Reply<PageReply<Answer>>> Handle(
        UsageFilter filter, UsageGrouping by, Call call, Store store, IKeyLineages keys, KeyRing ring, TimeProvider clock, CancellationToken cancel)
    {
        if ((filter.Fault ?? by.Fault) is { } wrong)
        {
            return wrong;
        }

        var sinceMs = filter.From?.ToUnixTimeMilliseconds() ?? (filter.To ?? clock.GetUtcNow()).ToUnixTimeMilliseconds() - (DefaultDays * DayMs);
        var groups = await store.ReadAsync(call.Tenant, async db =>
        {
            var rows = (await filter.RowsAsync(db, call, keys, ring)).Where(a => a.At >= sinceMs);
            return await Group(rows, by).Take(MostGroups + 1).ToListAsync(cancel);
        }, cancel);
        if (groups.Count > MostGroups)
        {
            return Faults.Invalid("group_by", $"This makes more than {MostGroups} groups. Narrow it by from, to or a filter, or group by less.");
        }

        return new PageReply<Answer>(new Page<Answer>(
            [.. groups.OrderBy(g => g.Day).ThenByDescending(g => g.Cost).ThenBy(g => g.KeyId, StringComparer.Ordinal).Select(ToAnswer)], null));
    }

    private static IQueryable<Sums> Group(IQueryable<AttemptRecord> rows, UsageGrouping by)
    {
        var (byKey, byModel, byCrew, byUser, byDay) = (by.ByKey, by.ByModel, by.ByCrew, by.ByUser, by.ByDay);
        return rows
            .Select(a => new
            {
                Row = a,
                KeyId = byKey ? a.KeyId : null,
                Model = byModel ? a.Model : null,
                CrewId = byCrew ? a.CrewId : null,
                UserId = byUser ? a.UserId : null,
                Day = byDay ? a.At / DayMs : -1,
            })
            .GroupBy(a => new { a.KeyId, a.Model, a.CrewId, a.UserId, a.Day })
            .Select(g => new Sums
            {
                KeyId = g.Key.KeyId,
                Model = g.Key.Model,
                CrewId = g.Key.CrewId,
                UserId = g.Key.UserId,
                Day = g.Key.Day,
                Requests = g.Select(a => a.Row.RequestId).Distinct().LongCount(),
                Attempts = g.LongCount(),
                Input = g.Sum(a => a.Row.InputTokens),
                CacheRead = g.Sum(a => a.Row.CacheReadTokens),
                CacheWrite = g.Sum(a => a.Row.CacheWriteTokens),
                Output = g.Sum(a => a.Row.OutputTokens),
                Reasoning = g.Sum(a => a.Row.ReasoningTokens),
                Cost = g.Sum(a => a.Row.CostNano),
            });
    }

    private static Answer ToAnswer(Sums sums) => new(
        sums.KeyId, sums.Model, sums.CrewId, sums.UserId,
        sums.Day < 0 ? null : DateTimeOffset.UnixEpoch.AddDays(sums.Day).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
        sums.Requests, sums.Attempts, new TokensAnswer(sums.Input, sums.CacheRead, sums.CacheWrite, sums.Output, sums.Reasoning), new NanoUsd(sums.Cost));

    private sealed class Sums
    {
        public string? KeyId { get; init; }

        public string? Model { get; init; }

        public string? CrewId { get; init; }

        public string? UserId { get; init; }

        public long Day { get; init; }

        public long Requests { get; init; }

        public long Attempts { get; init; }

        public long Input { get; init; }

        public long CacheRead { get; init; }

        public long CacheWrite { get; init; }

        public long Output { get; init; }

        public long Reasoning { get; init; }

        public long Cost { get; init; }
    }
}
