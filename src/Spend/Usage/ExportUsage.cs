using System.Globalization;
using System.Text;
using Crew.Http;
using Crew.Sealing;
using Crew.Spend.Contracts;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Crew.Spend;

/// <summary>The sums of <see cref="SumUsage"/> as a file for a spreadsheet.</summary>
internal static class ExportUsage
{
    private static readonly string[] _columns =
    [
        "day", "key_id", "model", "crew_id", "user_id", "requests", "attempts", "input_tokens", "cache_read_tokens", "cache_write_tokens",
        "output_tokens", "reasoning_tokens", "cost_usd", "provider_id", "audio_input_tokens", "audio_output_tokens", "image_input_tokens",
        "image_output_tokens", "images", "audio_seconds", "characters",
    ];

    public static void Map(RouteGroupBuilder gateway) =>
        gateway.MapGet("/usage/export", Handle)
            .WithName("Usage.Export")
            .WithSummary("The sums of usage as CSV, with the filters and groups of /v1/gateway/usage.")
            .Produces<string>(StatusCodes.Status200OK, "text/csv")
            .Requires(CrewSource.None, "usage:read")
            .Takes([.. UsageFilter.Described, UsageGrouping.Described]);

    private static async Task<IResult> Handle(
        UsageFilter filter, UsageGrouping by, Call call, Store store, IKeyLineages keys, KeyRing ring, TimeProvider clock, CancellationToken cancel)
    {
        var summed = await SumUsage.SumAsync(filter, by, call, store, keys, ring, clock, cancel);
        if (summed.Failed(out var fault))
        {
            return (Reply<string>)fault;
        }

        var csv = new StringBuilder(Csv.Line(_columns));
        foreach (var group in summed.Value)
        {
            csv.Append(Csv.Line(
            [
                group.Day, group.KeyId, group.Model, group.CrewId, group.UserId, Text(group.Requests), Text(group.Attempts), Text(group.Tokens.Input),
                Text(group.Tokens.CacheRead), Text(group.Tokens.CacheWrite), Text(group.Tokens.Output), Text(group.Tokens.Reasoning), group.CostUsd.ToString(),
                group.ProviderId, Text(group.Tokens.AudioInput), Text(group.Tokens.AudioOutput), Text(group.Tokens.ImageInput),
                Text(group.Tokens.ImageOutput), Text(group.Units.Images), Text(group.Units.AudioSeconds), Text(group.Units.Characters),
            ]));
        }

        return new FileReply("usage.csv", "text/csv; charset=utf-8; header=present", Encoding.UTF8.GetBytes(csv.ToString()));
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
