using Crew.Kernel;
using Microsoft.AspNetCore.Http;

namespace Crew.Webhooks.Events;

/// <summary>The query parameters <c>from</c> (included) and <c>to</c> (not included) of a list.</summary>
internal sealed record TimeSpanQuery(DateTimeOffset? From, DateTimeOffset? To)
{
    public static Outcome<TimeSpanQuery> Of(IQueryCollection query)
    {
        DateTimeOffset? from = null, to = null;
        foreach (var name in new[] { "from", "to" })
        {
            if (query[name].Count == 0)
            {
                continue;
            }

            if (!Timestamp.TryParse(query[name], out var at))
            {
                return Faults.Invalid(name, $"{name} must be an RFC 3339 time such as 2026-11-01T12:00:00Z, or a date.");
            }

            if (name == "from")
            {
                from = at;
            }
            else
            {
                to = at;
            }
        }

        return from > to ? Faults.Invalid("to", "to lies before from.") : new TimeSpanQuery(from, to);
    }
}
