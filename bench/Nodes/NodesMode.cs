using System.Globalization;
using Crew.Bench.Measure;
using Crew.Bench.Run;
using Crew.Testing;

namespace Crew.Bench.Nodes;

/// <summary>Three nodes over one PostgreSQL, all on this machine.</summary>
internal static class NodesMode
{
    private const int ManyKeys = 10_000;
    private const int QuickKeys = 600;

    public static async Task<int> MainAsync(Arguments arguments)
    {
        if (!PostgresServer.IsAvailable)
        {
            Console.Error.WriteLine("There is no PostgreSQL here.");
            return 2;
        }

        var quick = arguments.Has("quick");
        var seconds = Math.Max(1, arguments.Number("seconds", quick ? 3 : 10));
        var (table, noisiest) = (new NodesTable(), 0.0);
        var described = string.Create(CultureInfo.InvariantCulture, $"{RunSettings.Machine()} {seconds} s for each figure.");
        await using var postgres = await PostgresServer.StartNewAsync(isDurable: true);
        async Task MeasureAsync(string what, Func<Task> measure)
        {
            Console.Error.WriteLine($"{what} …");
            var neighbours = new Neighbours();
            await measure();
            noisiest = Math.Max(noisiest, neighbours.Share());
        }

        await MeasureAsync("inside one process", () => new EngineMeasures(table, seconds).RunAsync(postgres));
        Console.Error.WriteLine("three nodes start, and keys are made …");
        await using (var nodes = await RealNodes.StartAsync(postgres, arguments.Number("keys", quick ? QuickKeys : ManyKeys), arguments.Text("crew")))
        {
            var measures = new NodeMeasures(table, nodes, seconds);
            await MeasureAsync("work of the database", measures.CurveAsync);
            await MeasureAsync("one hot key against many", measures.HotKeyAsync);
            await MeasureAsync("after an outage", () => measures.OutageAsync(postgres));
        }

        var page = table.Page(described, noisiest);
        Console.WriteLine(page);
        if (arguments.Has("write"))
        {
            await File.WriteAllTextAsync(NodesTable.Path, page);
        }

        return table.HasMissed ? 1 : 0;
    }
}
