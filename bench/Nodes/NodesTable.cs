using System.Globalization;
using System.Text;
using Crew.Testing;

namespace Crew.Bench.Nodes;

/// <summary>The rows of a run over several nodes, and their page.</summary>
internal sealed class NodesTable
{
    private const string Method = """
        Made by `./bench.sh --nodes --write`. Three real nodes (`crew serve`) share one real PostgreSQL whose commits wait for the disk
        (`fsync` on); they, PostgreSQL, the mock provider and the load generator share one machine. Every request is a chat completion that
        passes the whole gateway under strict budgets of organization, workspace and key, and leaves a row of usage and a record of audit. Two
        measures are taken of the parts inside one process, because HTTP would hide them: hold and settle, and how many rows become durable.
        [benchmarks.md](benchmarks.md) has the figures of one node.
        """;

    private readonly List<(string Measure, string Figure, string Goal, bool? IsMet)> _rows = [];

    public bool HasMissed => _rows.Exists(r => r.IsMet == false);

    public static string Path { get; } = System.IO.Path.Combine(CrewExecutable.RepositoryRoot, "docs", "benchmarks-nodes.md");

    public void Add(string measure, string figure, string goal = "", bool? isMet = null)
    {
        _rows.Add((measure, figure, goal, isMet));
        Console.Error.WriteLine($"  {measure}: {figure} {Word(isMet)}");
    }

    /// <param name="described">When, where and with what.</param>
    /// <param name="neighbours">The largest share of the machine that other programs took.</param>
    public string Page(string described, double neighbours)
    {
        var page = new StringBuilder("# Benchmarks of several nodes\n\n").AppendLine(Method).AppendLine().AppendLine(described).AppendLine()
            .AppendLine("| measure | figure | goal | verdict |").AppendLine("| --- | ---: | --- | --- |");
        foreach (var (measure, figure, goal, isMet) in _rows)
        {
            page.AppendLine(CultureInfo.InvariantCulture, $"| {measure} | {figure} | {goal} | {Word(isMet)} |");
        }

        return page.AppendLine().AppendLine(
            CultureInfo.InvariantCulture, $"- Programs that have no part in the benchmark took up to {neighbours:P0} of the machine during a measure.").ToString();
    }

    private static string Word(bool? isMet) => isMet is null ? "" : isMet.Value ? "met" : "**missed**";
}
