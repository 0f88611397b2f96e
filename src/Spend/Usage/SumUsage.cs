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
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? ProviderId,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Day,
        long Requests, long Attempts, TokensAnswer Tokens, UnitsAnswer Units, NanoUsd CostUsd);

    public static void Map(RouteGroupBuilder gateway) =>
        gateway.MapGet("/usage", Handle)
            .WithName("Usage.Sum")
            .WithSummary("Sum requests, tokens and cost of the gateway, grouped by key, model, crew, user, provider and day (UTC).")
            .Requires(CrewSource.None, "usage:read")
            .Takes([.. UsageFilter.Described, UsageGrouping.Described]);

    private static async Task<Reply<PageReply<Answer>>> Handle(
        UsageFilter filter, UsageGrouping by, Call call, Store store, IKeyLineages keys, KeyRing ring, TimeProvider clock, CancellationToken cancel)
    {
        var summed = await SumAsync(filter, by, call, store, keys, ring, clock, cancel);
        return summed.Failed(out var fault) ? fault : new PageReply<Answer>(new Page<Answer>(summed.Value, null));
    }

    /// <summary>The groups in the order in which they are shown.</summary>
    internal static async Task<Outcome<IReadOnlyList<Answer>>> SumAsync(
        UsageFilter filter, UsageGrouping by, Call call, Store store, IKeyLineages keys, KeyRing ring, TimeProvider clock, CancellationToken cancel)
    {
        if ((filter.Fault ?? by.Fault) is { } wrong)
        {
            return wrong;
        }

        var sinceMs = filter.From?.ToUnixTimeMilliseconds() ?? (filter.To ?? clock.GetUtcNow()).ToUnixTimeMilliseconds() - (DefaultDays * DayMs);
        var sums = await store.ReadAsync(call.Tenant, async db =>
        {
            var live = Facts((await filter.RowsAsync(db, call, keys, ring)).Where(a => a.At >= sinceMs), by);
            var gone = Facts(await filter.DaysAsync(db, call, keys, sinceMs), by, filter.IsOfAttempts);
            return (List<UsageSums>)
            [
                .. await Group(live, filter.IsOfAttempts).Take(MostGroups + 1).ToListAsync(cancel),
                .. await Group(gone, false).Take(MostGroups + 1).ToListAsync(cancel),
            ];
        }, cancel);
        var groups = sums.GroupBy(s => (s.KeyId, s.Model, s.CrewId, s.UserId, s.ProviderId, s.Day)).Select(g => g.Aggregate((a, b) => a.Plus(b))).ToList();
        if (groups.Count > MostGroups)
        {
            return Faults.Invalid("group_by", $"This makes more than {MostGroups} groups. Narrow it by from, to or a filter, or group by less.");
        }

        return new Outcome<IReadOnlyList<Answer>>(
            [.. groups.OrderBy(g => g.Day).ThenByDescending(g => g.Cost).ThenBy(g => g.KeyId, StringComparer.Ordinal).Select(ToAnswer)]);
    }

    private static IQueryable<UsageFact> Facts(IQueryable<AttemptRecord> rows, UsageGrouping by)
    {
        var (byKey, byModel, byCrew, byUser, byProvider, byDay) = (by.ByKey, by.ByModel, by.ByCrew, by.ByUser, by.ByProvider, by.ByDay);
        return rows.Select(a => new UsageFact
        {
            KeyId = byKey ? a.KeyId : null,
            Model = byModel ? a.Model : null,
            CrewId = byCrew ? a.CrewId : null,
            UserId = byUser ? a.UserId : null,
            ProviderId = byProvider ? a.ProviderId : null,
            Day = byDay ? a.At / DayMs : -1,
            RequestId = a.RequestId,
            Requests = a.Attempt == 1 ? 1L : 0L,
            Attempts = 1L,
            Input = a.InputTokens,
            CacheRead = a.CacheReadTokens,
            CacheWrite = a.CacheWriteTokens,
            Output = a.OutputTokens,
            Reasoning = a.ReasoningTokens,
            AudioInput = a.AudioInputTokens,
            AudioOutput = a.AudioOutputTokens,
            ImageInput = a.ImageInputTokens,
            ImageOutput = a.ImageOutputTokens,
            Images = a.Images,
            AudioSeconds = a.AudioSeconds,
            Characters = a.Characters,
            Cost = a.CostNano,
        });
    }

    private static IQueryable<UsageFact> Facts(IQueryable<UsageDay> days, UsageGrouping by, bool ofAttempts)
    {
        var (byKey, byModel, byCrew, byUser, byProvider, byDay) = (by.ByKey, by.ByModel, by.ByCrew, by.ByUser, by.ByProvider, by.ByDay);
        return days.Select(d => new UsageFact
        {
            KeyId = byKey ? d.KeyId : null,
            Model = byModel ? d.Model : null,
            CrewId = byCrew ? d.CrewId : null,
            UserId = byUser ? d.UserId : null,
            ProviderId = byProvider ? d.ProviderId : null,
            Day = byDay ? d.Day : -1L,
            RequestId = null,
            Requests = ofAttempts ? d.Requests : d.BegunRequests,
            Attempts = d.Attempts,
            Input = d.InputTokens,
            CacheRead = d.CacheReadTokens,
            CacheWrite = d.CacheWriteTokens,
            Output = d.OutputTokens,
            Reasoning = d.ReasoningTokens,
            AudioInput = d.AudioInputTokens,
            AudioOutput = d.AudioOutputTokens,
            ImageInput = d.ImageInputTokens,
            ImageOutput = d.ImageOutputTokens,
            Images = d.Images,
            AudioSeconds = d.AudioSeconds,
            Characters = d.Characters,
            Cost = d.CostNano,
        });
    }

    /// <summary>UsageSums by group. A request counts where its first attempt is, unless a filter tells attempts apart; then each request once.</summary>
    private static IQueryable<UsageSums> Group(IQueryable<UsageFact> facts, bool distinct) => facts
        .GroupBy(f => new { f.KeyId, f.Model, f.CrewId, f.UserId, f.ProviderId, f.Day })
        .Select(g => new UsageSums
        {
            KeyId = g.Key.KeyId,
            Model = g.Key.Model,
            CrewId = g.Key.CrewId,
            UserId = g.Key.UserId,
            ProviderId = g.Key.ProviderId,
            Day = g.Key.Day,
            Requests = distinct ? g.Select(f => f.RequestId).Distinct().LongCount() : g.Sum(f => f.Requests),
            Attempts = g.Sum(f => f.Attempts),
            Input = g.Sum(f => f.Input),
            CacheRead = g.Sum(f => f.CacheRead),
            CacheWrite = g.Sum(f => f.CacheWrite),
            Output = g.Sum(f => f.Output),
            Reasoning = g.Sum(f => f.Reasoning),
            AudioInput = g.Sum(f => f.AudioInput),
            AudioOutput = g.Sum(f => f.AudioOutput),
            ImageInput = g.Sum(f => f.ImageInput),
            ImageOutput = g.Sum(f => f.ImageOutput),
            Images = g.Sum(f => f.Images),
            AudioSeconds = g.Sum(f => f.AudioSeconds),
            Characters = g.Sum(f => f.Characters),
            Cost = g.Sum(f => f.Cost),
        });

    private static Answer ToAnswer(UsageSums sums) => new(
        sums.KeyId, sums.Model, sums.CrewId, sums.UserId, sums.ProviderId,
        sums.Day < 0 ? null : DateTimeOffset.UnixEpoch.AddDays(sums.Day).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
        sums.Requests, sums.Attempts,
        new TokensAnswer(
            sums.Input, sums.CacheRead, sums.CacheWrite, sums.Output, sums.Reasoning, sums.AudioInput, sums.AudioOutput, sums.ImageInput, sums.ImageOutput),
        new UnitsAnswer(sums.Images, sums.AudioSeconds, sums.Characters), new NanoUsd(sums.Cost));
}
