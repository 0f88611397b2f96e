namespace Crew.Host;

/// <summary>
/// No setting of the environment (<c>Logging__LogLevel__…</c>) lets the libraries below us speak of details: a web server's own words at the level
/// of debugging hold request lines, broken headers and addresses, and so keys. What Crew writes itself may be turned up; it holds no content.
/// </summary>
internal static class LogFloor
{
    private const string Own = "Crew";

    public static void Apply(LoggerFilterOptions options)
    {
        var rules = options.Rules.Select(rule => IsOwn(rule.CategoryName) ? rule
            : new LoggerFilterRule(rule.ProviderName, rule.CategoryName, Highest(rule.LogLevel), rule.Filter)).ToList();
        options.Rules.Clear();
        rules.ForEach(options.Rules.Add);
        options.MinLevel = Highest(options.MinLevel);
    }

    private static bool IsOwn(string? category) => category is not null && (category == Own || category.StartsWith(Own + ".", StringComparison.Ordinal));

    private static LogLevel Highest(LogLevel? asked) => asked is { } level && level > LogLevel.Warning ? level : LogLevel.Warning;
}
