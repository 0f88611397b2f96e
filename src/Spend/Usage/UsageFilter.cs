using System.Globalization;
using System.Reflection;
using Crew.Http;
using Crew.Kernel;
using Crew.Sealing;
using Crew.Spend.Contracts;
using Crew.Storage;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;

namespace Crew.Spend;

/// <summary>The filters of the ledger's lists: <c>from</c> (included), <c>to</c> (not included), and equality on single fields.</summary>
internal sealed class UsageFilter
{
    private const int MostCharacters = 200;

    /// <summary>The filters as the reference shows them.</summary>
    public static readonly QueryParameter[] Described =
    [
        new("from", "The first moment, included."),
        new("to", "The end, not included."),
        new("key_id", "One key, by the id of any key of its lineage."),
        new("crew_id", "One crew."),
        new("user_id", "One person."),
        new("model", "One model of the catalogue."),
        new("provider_id", "One provider."),
        new("outcome", "How the call ended."),
        new("provenance", "exact, estimated, floor or lost."),
        new("status", "The HTTP status that was answered."),
        new("ip", "The address it came from."),
    ];

    private UsageFilter(Fault? fault) => Fault = fault;

    public Fault? Fault { get; }

    public DateTimeOffset? From { get; private init; }

    public DateTimeOffset? To { get; private init; }

    private string? KeyId { get; init; }

    private string? CrewId { get; init; }

    private string? UserId { get; init; }

    private string? Model { get; init; }

    private string? ProviderId { get; init; }

    private string? Outcome { get; init; }

    private string? Provenance { get; init; }

    private string? Ip { get; init; }

    private int? Status { get; init; }

    public static ValueTask<UsageFilter?> BindAsync(HttpContext context, ParameterInfo parameter)
    {
        var query = context.Request.Query;
        foreach (var (name, value) in query)
        {
            if (value.ToString().Length > MostCharacters)
            {
                return Value(new UsageFilter(Faults.Invalid(name, $"{name} is longer than {MostCharacters} characters.")));
            }
        }

        foreach (var name in new[] { "from", "to" })
        {
            if (Text(query, name) is { } text && !Timestamp.TryParse(text, out _))
            {
                return Value(new UsageFilter(Faults.Invalid(name, $"{name} must be a date or an RFC 3339 time such as 2026-11-01T12:00:00Z.")));
            }
        }

        if (Timestamp.TryParse(Text(query, "from"), out var first) && Timestamp.TryParse(Text(query, "to"), out var end) && first >= end)
        {
            return Value(new UsageFilter(Faults.Invalid("to", "to must be later than from: the period goes from the first up to, and not including, the second.")));
        }

        if (Text(query, "status") is { } status && !int.TryParse(status, NumberStyles.None, CultureInfo.InvariantCulture, out _))
        {
            return Value(new UsageFilter(Faults.Invalid("status", "status must be an HTTP status such as 200.")));
        }

        return Value(new UsageFilter(null)
        {
            From = Timestamp.TryParse(Text(query, "from"), out var from) ? from : null,
            To = Timestamp.TryParse(Text(query, "to"), out var to) ? to : null,
            KeyId = Text(query, "key_id"),
            CrewId = Text(query, "crew_id"),
            UserId = Text(query, "user_id"),
            Model = Text(query, "model"),
            ProviderId = Text(query, "provider_id"),
            Outcome = Text(query, "outcome"),
            Provenance = Text(query, "provenance"),
            Ip = Text(query, "ip"),
            Status = Text(query, "status") is { } code ? int.Parse(code, CultureInfo.InvariantCulture) : null,
        });
    }

    /// <summary>Whether a filter tells single attempts of one request apart.</summary>
    public bool IsOfAttempts => (ProviderId ?? Outcome ?? Provenance) is not null || Status is not null;

    /// <summary>
    /// The rows that the caller may see and the filters let through. A credential bound to test mode, an environment or a crew
    /// sees the rows of its crews, its own, and those of keys that it made.
    /// </summary>
    public async Task<IQueryable<AttemptRecord>> RowsAsync(Db db, Call call, IKeyLineages keys, KeyRing ring)
    {
        var rows = Narrow(await VisibleAsync(db, call, keys));
        var (fromMs, toMs) = (From?.ToUnixTimeMilliseconds() ?? long.MinValue, To?.ToUnixTimeMilliseconds() ?? long.MaxValue);
        rows = rows.Where(a => a.At >= fromMs && a.At < toMs);
        if (Ip is not null)
        {
            var hashes = ring.Versions(KeyScope.Workspace, call.Workspace.Id).Select(key => ClientTrace.HashOf(key, Ip)).ToList();
            rows = rows.Where(a => a.IpHash != null && hashes.Contains(a.IpHash));
        }

        return rows;
    }

    /// <summary>
    /// The sums of rows that are gone, bound and filtered as the rows were. They know whole days only: one that the period touches
    /// counts in full. Addresses are gone with the rows, so there is nothing of a given address.
    /// </summary>
    public async Task<IQueryable<UsageDay>> DaysAsync(Db db, Call call, IKeyLineages keys, long sinceMs)
    {
        const long dayMs = 86_400_000;
        var first = (int)(Math.Max(sinceMs, 0) / dayMs);
        var end = To is { } to ? (int)((to.ToUnixTimeMilliseconds() + dayMs - 1) / dayMs) : int.MaxValue;
        var isOfAddress = Ip is not null;
        return Narrow(await BoundAsync(db.Set<UsageDay>().AsNoTracking(), db, call, keys)).Where(d => d.Day >= first && d.Day < end && !isOfAddress);
    }

    public static Task<IQueryable<AttemptRecord>> VisibleAsync(Db db, Call call, IKeyLineages keys) =>
        BoundAsync(db.Set<AttemptRecord>().AsNoTracking(), db, call, keys);

    private IQueryable<T> Narrow<T>(IQueryable<T> rows)
        where T : class, IUsageFacts
    {
        rows = KeyId is null ? rows : rows.Where(a => a.KeyId == KeyId);
        rows = CrewId is null ? rows : rows.Where(a => a.CrewId == CrewId);
        rows = UserId is null ? rows : rows.Where(a => a.UserId == UserId);
        rows = Model is null ? rows : rows.Where(a => a.Model == Model);
        rows = ProviderId is null ? rows : rows.Where(a => a.ProviderId == ProviderId);
        rows = Outcome is null ? rows : rows.Where(a => a.Outcome == Outcome);
        rows = Provenance is null ? rows : rows.Where(a => a.Provenance == Provenance);
        return Status is null ? rows : rows.Where(a => a.Status == Status);
    }

    private static async Task<IQueryable<T>> BoundAsync<T>(IQueryable<T> rows, Db db, Call call, IKeyLineages keys)
        where T : class, IUsageFacts
    {
        var caller = call.Caller;
        if (caller.SeesWorkspaceLevel)
        {
            return rows;
        }

        var crews = call.Workspace.Crews.Where(c => caller.Sees(c.Key, c.Value)).Select(c => c.Key).ToList();
        var lineages = (await keys.MadeByAsync(db, caller.LineageId)).Append(caller.LineageId).ToList();
        return rows.Where(a => (a.CrewId != null && crews.Contains(a.CrewId)) || (a.LineageId != null && lineages.Contains(a.LineageId)));
    }

    private static string? Text(IQueryCollection query, string name) => query[name].ToString() is { Length: > 0 } text ? text : null;

    private static ValueTask<UsageFilter?> Value(UsageFilter filter) => ValueTask.FromResult<UsageFilter?>(filter);
}
