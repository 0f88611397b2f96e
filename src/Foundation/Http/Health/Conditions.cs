using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Crew.Http;

/// <summary>How much a condition takes away.</summary>
public enum ConditionLevel
{
    /// <summary>Nothing.</summary>
    Fine,

    /// <summary>Everything still works; an operator should look.</summary>
    Degraded,

    /// <summary>Requests are refused.</summary>
    Failing,
}

/// <summary>How one thing that the server stands on is now: a name, a state in one word, and a sentence for the operator.</summary>
public sealed record Condition(string Name, string State, ConditionLevel Level, string Message);

/// <summary>
/// The state of the database, the disk and the clock as this server sees them. Readiness and metrics show it; a change of state is
/// logged once.
/// </summary>
public sealed partial class Conditions(Metrics metrics, ILogger<Conditions> log)
{
    private readonly ConcurrentDictionary<string, Condition> _now = new(StringComparer.Ordinal);

    /// <summary>All conditions, by name.</summary>
    public IReadOnlyList<Condition> All => [.. _now.Values.OrderBy(c => c.Name, StringComparer.Ordinal)];

    /// <summary>Takes a condition as it is now.</summary>
    public void Set(Condition condition)
    {
        var known = _now.GetValueOrDefault(condition.Name);
        _now[condition.Name] = condition;
        if (known is null)
        {
            metrics.Gauge($"crew_condition_level{{name=\"{condition.Name}\"}}", "0 when all is well, 1 when degraded, 2 when requests are refused.",
                () => (int)_now[condition.Name].Level);
        }

        if (condition.State != (known?.State ?? "ok"))
        {
            Changed(log, condition.Level == ConditionLevel.Fine ? LogLevel.Information : LogLevel.Warning, condition.Name, condition.State, condition.Message);
        }
    }

    [LoggerMessage(EventId = 1, Message = "{Name} is {State}: {Message}")]
    private static partial void Changed(ILogger log, LogLevel level, string name, string state, string message);
}
