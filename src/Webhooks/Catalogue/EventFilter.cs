using Crew.Kernel;
using Crew.Sealing;

namespace Crew.Webhooks.Catalogue;

/// <summary>
/// Which events an endpoint asks for: canonical names, aliases, and wildcards (<c>*</c> for all, <c>api_key.*</c> for what is below). Pure.
/// </summary>
internal sealed class EventFilter
{
    public const int MostPatterns = 100;
    private const int MostPatternCharacters = 100;

    /// <summary>By canonical name, the name under which the subscriber gets it.</summary>
    private readonly Dictionary<string, string> _names = new(StringComparer.Ordinal);

    private EventFilter(IReadOnlyList<string> patterns) => Patterns = patterns;

    public IReadOnlyList<string> Patterns { get; }

    /// <summary>The types that it takes.</summary>
    public IEnumerable<EventType> Types => _names.Keys.Select(name => EventTypes.Find(name)!);

    /// <summary>Those that it names one by one, which is when asking for what one may not read is a mistake.</summary>
    public IEnumerable<EventType> Named =>
        Patterns.Select(p => EventTypes.Find(p) ?? EventTypes.FindAlias(p)).Where(t => t is not null).Select(t => t!);

    /// <summary>The name under which an event is sent; null when it is not asked for.</summary>
    public string? NameOf(string type) => _names.GetValueOrDefault(type);

    public static Outcome<EventFilter> Parse(IReadOnlyList<string>? patterns)
    {
        if (patterns is null || patterns.Count is 0 or > MostPatterns)
        {
            return Faults.Invalid("events",
                $"events must be a list of 1 to {MostPatterns} names such as api_key.created, groups such as budget.*, or * for all. GET /v1/event-types lists them.");
        }

        var filter = new EventFilter([.. patterns.Distinct(StringComparer.Ordinal)]);
        foreach (var pattern in filter.Patterns)
        {
            if (!filter.Take(pattern ?? ""))
            {
                return Faults.Invalid("events",
                    $"'{CleanText.Of(pattern, MostPatternCharacters)}' is no event type, alias or group. GET /v1/event-types lists them; a group ends in .*");
            }
        }

        return filter;
    }

    /// <summary>A kept filter. Names that a later version no longer knows are passed over.</summary>
    public static EventFilter Read(IReadOnlyList<string> patterns)
    {
        var filter = new EventFilter(patterns);
        foreach (var pattern in patterns)
        {
            filter.Take(pattern);
        }

        return filter;
    }

    private bool Take(string pattern)
    {
        if (EventTypes.FindAlias(pattern) is { } aliased)
        {
            // The alias is what this subscriber's code knows, so it wins over the canonical name.
            _names[aliased.Name] = pattern;
            return true;
        }

        var prefix = pattern.EndsWith(".*", StringComparison.Ordinal) ? pattern[..^1] : null;
        var found = false;
        foreach (var type in EventTypes.All)
        {
            if (pattern == "*" || type.Name == pattern || (prefix is { Length: > 1 } && type.Name.StartsWith(prefix, StringComparison.Ordinal)))
            {
                _names.TryAdd(type.Name, type.Name);
                found = true;
            }
        }

        return found;
    }
}
