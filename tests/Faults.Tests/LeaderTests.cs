using System.Diagnostics;
using System.Globalization;
using Crew.Testing;

namespace Crew.Faults.Tests;

/// <summary>What one node does at a time: real processes, the leader of which is killed or stands still.</summary>
public sealed class LeaderTests(ITestOutputHelper output)
{
    private static readonly TimeSpan TakenOverWithin = TimeSpan.FromSeconds(5);
    private static readonly string[] Duties = ["audit_sequence", "upkeep", "alerts"];

    [Fact]
    public async Task Each_duty_is_done_by_one_node_and_taken_over_when_that_one_dies_or_stands_still()
    {
        Assert.SkipUnless(PostgresServer.IsAvailable, "There is no PostgreSQL here.");
        await using var bed = await NodeBed.StartAsync(new NodeBedOptions
        {
            Server = new CrewServerOptions { Environment = new Dictionary<string, string?> { ["CREW_METRICS_TOKEN"] = "operator" } },
        });
        var first = await LeaderAsync(bed, "audit_sequence");
        await OneLeadsAsync(bed, bed.Nodes);
        await IsSequencedAsync(bed);

        var since = Stopwatch.GetTimestamp();
        first.Kill();
        var second = await NextAsync(bed, first, since, "killed");
        await IsSequencedAsync(bed);

        second.Pause();
        since = Stopwatch.GetTimestamp();
        await NextAsync(bed, second, since, "stopped");
        await IsSequencedAsync(bed);
        second.Resume();
        await first.StartAsync();
        await OneLeadsAsync(bed, bed.Nodes);
    }

    /// <summary>Waits until others do all that a node has done, in a later term.</summary>
    private async Task<CrewServer> NextAsync(NodeBed bed, CrewServer gone, long since, string how)
    {
        var place = Place(gone);
        await EventuallyAsync(async () => await bed.ReadAsync<long>(
            $"SELECT count(*) FROM storage_leaders WHERE place <> '{place}' AND until_at > (extract(epoch FROM clock_timestamp()) * 1000)::bigint") == Duties.Length);
        var took = Stopwatch.GetElapsedTime(since);
        output.WriteLine($"{how}: taken over after {took.TotalSeconds:0.0} s");
        took.ShouldBeLessThan(TakenOverWithin);
        await OneLeadsAsync(bed, [.. bed.Nodes.Where(node => node != gone && node.IsRunning)]);
        return await LeaderAsync(bed, "audit_sequence");
    }

    private static async Task<CrewServer> LeaderAsync(NodeBed bed, string duty)
    {
        var place = await bed.ReadAsync<string>($"SELECT place FROM storage_leaders WHERE duty = '{duty}'");
        return bed.Nodes.Single(node => node.IsRunning && Place(node) == place);
    }

    private static string Place(CrewServer node) => string.Create(CultureInfo.InvariantCulture, $"{Environment.MachineName}:{node.ProcessId}");

    /// <summary>Over all nodes that answer, each duty has exactly one that says it does it.</summary>
    private static Task OneLeadsAsync(NodeBed bed, IReadOnlyList<CrewServer> nodes) => EventuallyAsync(async () =>
    {
        var metrics = await Task.WhenAll(nodes.Select(async node => await node.Client("operator").GetStringAsync(new Uri("/metrics", UriKind.Relative))));
        foreach (var duty in Duties)
        {
            var place = await bed.ReadAsync<string>($"SELECT place FROM storage_leaders WHERE duty = '{duty}'");
            var leading = nodes.Where((_, n) => metrics[n].Contains($"crew_leader{{duty=\"{duty}\"}} 1\n", StringComparison.Ordinal)).ToList();
            leading.Count.ShouldBeLessThanOrEqualTo(1, duty);
            if (leading.Count == 0 || Place(leading[0]) != place)
            {
                return false;
            }
        }

        return true;
    });

    /// <summary>The sequencer works: what has happened so far gets its leaf.</summary>
    private static async Task IsSequencedAsync(NodeBed bed)
    {
        await bed.Nodes.First(node => node.IsRunning && Answers(node)).GetAsync("/v1/me");
        await EventuallyAsync(async () => await bed.ReadAsync<long>(
            "SELECT count(*) FROM audit_records r WHERE NOT EXISTS (SELECT FROM audit_leaves l WHERE l.record_id = r.id)") == 0);
    }

    private static bool Answers(CrewServer node) =>
        !File.ReadAllText($"/proc/{node.ProcessId}/stat").Split(')')[^1].StartsWith(" T", StringComparison.Ordinal);

    private static async Task EventuallyAsync(Func<Task<bool>> holds)
    {
        var started = Stopwatch.GetTimestamp();
        while (!await holds())
        {
            Stopwatch.GetElapsedTime(started).ShouldBeLessThan(TimeSpan.FromSeconds(30));
            await Task.Delay(50);
        }
    }
}
