using Crew.Bench.Control;
using Crew.Bench.Load;
using Crew.Bench.Micro;
using Crew.Bench.Nodes;
using Crew.Bench.Pages;
using Crew.Bench.Run;

namespace Crew.Bench;

internal static class Program
{
    private const string Usage = """
        Crew.Bench [run]   [--quick] [--pairs N] [--seconds S] [--soak S] [--only a,b] [--write] [--no-nginx] [--peers] [--crew PATH]
                           measures: throughput, latency, bodies, stream, dialects, flood, idle, peers, soak, start, micro
        Crew.Bench [run]   --nodes [--quick] [--seconds S] [--keys N] [--write] [--crew PATH]
                           three real nodes over one PostgreSQL
        Crew.Bench [run]   --console [--quick] [--rounds N]         the console in a browser: first load, time to the overview, a long table
        Crew.Bench mock    [--port P] [--parent] [--books]          the mock provider, alone
        Crew.Bench control [--port P] --upstream URL [--parent]     a bare forwarder: the control of every comparison
        Crew.Bench load    --url URL --model M [--key K] [--seconds S] [--warmup S] [--bytes B] [--pids P,P]
                           [--connections N | --rate R | --streams N]
        Crew.Bench micro   in-process benchmarks only
        """;

    private static async Task<int> Main(string[] arguments)
    {
        var mode = arguments.Length > 0 && !arguments[0].StartsWith('-') ? arguments[0] : "run";
        var rest = new Arguments(mode == arguments.FirstOrDefault() ? arguments[1..] : arguments);
        try
        {
            return mode switch
            {
                "run" when rest.Has("nodes") => await NodesMode.MainAsync(rest),
                "run" when rest.Has("console") => await ConsoleMode.MainAsync(rest),
                "run" => await BenchRun.MainAsync(rest),
                "mock" => await MockMode.MainAsync(rest),
                "control" => await Forwarder.MainAsync(rest),
                "load" => await LoadMode.MainAsync(rest),
                "micro" => MicroMode.Run(rest),
                _ => Explain(),
            };
        }
        catch (ArgumentException wrong)
        {
            Console.Error.WriteLine(wrong.Message);
            return Explain();
        }
    }

    private static int Explain()
    {
        Console.Error.WriteLine(Usage);
        return 2;
    }
}
