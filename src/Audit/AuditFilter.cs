using System.Net;
using Crew.Http;
using Crew.Kernel;
using Crew.Sealing;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Crew.Audit;

/// <summary>What a list or an export is asked for. All conditions hold at once.</summary>
internal sealed record AuditFilter
{
    private const int MaximumCharacters = 200;
    private const int MaximumEventTypes = 100;

    private static readonly string[] Parameters =
        ["event_type", "actor_id", "resource_id", "crew_id", "key_id", "outcome", "request_id", "ip", "from", "to", "log"];

    /// <summary>The conditions as the reference shows them.</summary>
    public static readonly QueryParameter[] Described =
    [
        new("event_type", "Full names or groups such as auth.*, comma-separated or repeated."),
        new("actor_id", "Who did it."),
        new("resource_id", "What it was done to."),
        new("crew_id", "The crew it belongs to."),
        new("key_id", "The key it was done with."),
        new("outcome", "success, failure or denied."),
        new("request_id", "The request it belongs to."),
        new("ip", "The address it came from."),
        new("from", "The first moment, included."),
        new("to", "The end, not included."),
        new("log", "workspace (the default) or organization."),
    ];

    public EventLog Log { get; init; } = EventLog.Workspace;

    /// <summary>Full names; empty is all.</summary>
    public IReadOnlyList<string> EventTypes { get; init; } = [];

    public string? ActorId { get; init; }

    public string? ResourceId { get; init; }

    public string? CrewId { get; init; }

    public string? KeyId { get; init; }

    public string? Outcome { get; init; }

    public string? RequestId { get; init; }

    /// <summary>An address in the form that records hash.</summary>
    public string? Ip { get; init; }

    /// <summary>The first moment, included.</summary>
    public DateTimeOffset? From { get; init; }

    /// <summary>The end, not included.</summary>
    public DateTimeOffset? To { get; init; }

    /// <summary>The names of the conditions in use, for the record of an export; their values may be personal.</summary>
    public IReadOnlyList<string> Used { get; init; } = [];

    /// <summary>Reads the query; an unknown parameter or an impossible value is refused by name.</summary>
    public static Outcome<AuditFilter> Parse(IQueryCollection query, params string[] others)
    {
        var unknown = query.Keys.FirstOrDefault(name => !Parameters.Contains(name) && !others.Contains(name));
        if (unknown is not null)
        {
            return HttpFaults.UnknownField(CleanText.Of(unknown, MaximumCharacters)!);
        }

        var repeated = Parameters.FirstOrDefault(name => name != "event_type" && query[name].Count > 1);
        if (repeated is not null)
        {
            return Faults.Invalid(repeated, $"{repeated} was given more than once. Send it once; only event_type may be repeated.");
        }

        var types = ReadTypes(query["event_type"]);
        return types.Failed(out var fault) ? fault : ReadTimes(query, types.Value);
    }

    private static Outcome<IReadOnlyList<string>> ReadTypes(StringValues values)
    {
        var types = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var word in values.SelectMany(v => (v ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).Take(MaximumEventTypes))
        {
            string[] named = word.EndsWith(".*", StringComparison.Ordinal) ? [.. EventCatalogue.Below(word[..^2])] : EventCatalogue.IsKnown(word) ? [word] : [];
            if (named.Length == 0)
            {
                return Faults.Invalid("event_type", $"event_type '{CleanText.Of(word, 100)}' is not in the event catalogue. Write a full name such as api_key.created, or a group such as auth.*");
            }

            types.UnionWith(named);
        }

        return values.Count > 0 && types.Count == 0 ? Faults.Invalid("event_type", "event_type is empty. Leave it out to get all types.") : types.ToArray();
    }

    private static Outcome<AuditFilter> ReadTimes(IQueryCollection query, IReadOnlyList<string> types)
    {
        if (!TryTime(query["from"], out var from))
        {
            return Faults.Invalid("from", "from must be an RFC 3339 time such as 2026-11-01T12:00:00Z, or a date.");
        }

        if (!TryTime(query["to"], out var to))
        {
            return Faults.Invalid("to", "to must be an RFC 3339 time such as 2026-11-01T12:00:00Z, or a date.");
        }

        return from > to ? Faults.Invalid("to", "to lies before from.") : ReadWords(query, types, from, to);
    }

    private static Outcome<AuditFilter> ReadWords(IQueryCollection query, IReadOnlyList<string> types, DateTimeOffset? from, DateTimeOffset? to)
    {
        foreach (var name in new[] { "actor_id", "resource_id" })
        {
            if (Text(query, name) is { } text && (text.Length > MaximumCharacters || text.Contains('\0', StringComparison.Ordinal)))
            {
                return Faults.Invalid(name, $"{name} is longer than {MaximumCharacters} characters or holds U+0000, as no id does.");
            }
        }

        foreach (var (name, prefix) in new[] { ("crew_id", IdPrefix.Crew), ("key_id", IdPrefix.ApiKey), ("request_id", IdPrefix.Request) })
        {
            if (Text(query, name) is { } id && !Id.IsValid(id, prefix))
            {
                return Faults.Invalid(name, $"{name} must be an id that begins with {prefix}.");
            }
        }

        if (Text(query, "outcome") is { } outcome && outcome is not ("success" or "failure" or "denied"))
        {
            return Faults.Invalid("outcome", "outcome must be success, failure or denied.");
        }

        IPAddress? address = null;
        if (Text(query, "ip") is { } ip && !IPAddress.TryParse(ip, out address))
        {
            return Faults.Invalid("ip", "ip must be one IPv4 or IPv6 address.");
        }

        if (Text(query, "log") is { } log && log is not ("workspace" or "organization"))
        {
            return Faults.Invalid("log", "log must be workspace or organization.");
        }

        return new AuditFilter
        {
            Log = Text(query, "log") == "organization" ? EventLog.Organization : EventLog.Workspace,
            EventTypes = types,
            ActorId = Text(query, "actor_id"),
            ResourceId = Text(query, "resource_id"),
            CrewId = Text(query, "crew_id"),
            KeyId = Text(query, "key_id"),
            Outcome = Text(query, "outcome"),
            RequestId = Text(query, "request_id"),
            Ip = (address is { IsIPv4MappedToIPv6: true } ? address.MapToIPv4() : address)?.ToString(),
            From = from,
            To = to,
            Used = [.. Parameters.Where(name => query[name].Count > 0)],
        };
    }

    private static string? Text(IQueryCollection query, string name) => query[name].Count == 0 ? null : query[name].ToString();

    private static bool TryTime(StringValues text, out DateTimeOffset? time)
    {
        var given = text.Count > 0;
        var read = Timestamp.TryParse(text, out var at);
        time = given && read ? at : null;
        return !given || read;
    }
}
