using System.Collections.Concurrent;
using System.Globalization;
using System.Text;

namespace Crew.Http;

/// <summary>Counts and durations by route, in Prometheus text form. Labels are route templates, never paths, ids or content.</summary>
public sealed class Metrics
{
    private static readonly double[] BoundsSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
    private readonly ConcurrentDictionary<(string Method, string Route, int Status), long[]> _requests = new();
    private readonly ConcurrentDictionary<string, (string Help, Func<double> Read)> _gauges = new();

    public void Count(string method, string route, int status, TimeSpan elapsed)
    {
        var known = method is "GET" or "POST" or "PUT" or "PATCH" or "DELETE" or "HEAD" or "OPTIONS" ? method : "other";
        var cell = _requests.GetOrAdd((known, route, status), static _ => new long[BoundsSeconds.Length + 3]);
        var bucket = 0;
        while (bucket < BoundsSeconds.Length && elapsed.TotalSeconds > BoundsSeconds[bucket])
        {
            bucket++;
        }

        Interlocked.Increment(ref cell[bucket]);
        Interlocked.Increment(ref cell[^2]);
        Interlocked.Add(ref cell[^1], (long)elapsed.TotalMicroseconds);
    }

    /// <summary>Adds a figure that is read when metrics are asked for. The name may carry labels, such as <c>crew_leader{duty="upkeep"}</c>.</summary>
    public void Gauge(string name, string help, Func<double> read) => _gauges[name] = (help, read);

    public string Render()
    {
        var text = new StringBuilder();
        text.Append("# HELP crew_http_request_duration_seconds Time from the first byte of a request to the last of its response.\n# TYPE crew_http_request_duration_seconds histogram\n");
        foreach (var ((method, route, status), cell) in _requests.OrderBy(p => p.Key))
        {
            var labels = string.Create(CultureInfo.InvariantCulture, $"method=\"{method}\",route=\"{route.Replace("\"", "", StringComparison.Ordinal)}\",status=\"{status}\"");
            long sum = 0;
            for (var bucket = 0; bucket < BoundsSeconds.Length; bucket++)
            {
                sum += Volatile.Read(ref cell[bucket]);
                text.Append(CultureInfo.InvariantCulture, $"crew_http_request_duration_seconds_bucket{{{labels},le=\"{BoundsSeconds[bucket]}\"}} {sum}\n");
            }

            text.Append(CultureInfo.InvariantCulture, $"crew_http_request_duration_seconds_bucket{{{labels},le=\"+Inf\"}} {cell[^2]}\n");
            text.Append(CultureInfo.InvariantCulture, $"crew_http_request_duration_seconds_sum{{{labels}}} {cell[^1] / 1e6}\n");
            text.Append(CultureInfo.InvariantCulture, $"crew_http_request_duration_seconds_count{{{labels}}} {cell[^2]}\n");
        }

        foreach (var family in _gauges.GroupBy(g => g.Key.Split('{')[0]).OrderBy(f => f.Key, StringComparer.Ordinal))
        {
            text.Append(CultureInfo.InvariantCulture, $"# HELP {family.Key} {family.First().Value.Help}\n# TYPE {family.Key} gauge\n");
            foreach (var (name, (_, read)) in family.OrderBy(g => g.Key, StringComparer.Ordinal))
            {
                text.Append(CultureInfo.InvariantCulture, $"{name} {read()}\n");
            }
        }

        return text.ToString();
    }
}
