using System.Globalization;
using System.Text;

namespace Crew.Bench.Run;

internal enum Verdict
{
    Met,
    Stretch,
    Missed,
    Reported,
}

internal sealed record ReportRow(string Measure, string Control, string Crew, string Ratio, string Interval, string Goal, Verdict Verdict);

/// <summary>The rows of one run and the words around them.</summary>
internal sealed class Report
{
    private const string Method = """
        Made by `./bench.sh --write`. The control is the same Kestrel and SocketsHttpHandler forwarding bytes with nothing else. Crew
        runs with everything on: key with IP list and one permission, rate limit, strict budgets on organization, workspace, crew and
        key, a priced model, durable audit and usage rows. Mock provider, load generator, control and Crew share the machine. Runs of
        control and Crew alternate; the value is the median of the pairs, the interval their least and greatest, unless a row says
        otherwise. Where the processor time of a request goes, and what the missed goals are made of: [profile.md](profile.md).
        """;

    private readonly List<ReportRow> _rows = [];
    private readonly List<string> _notes = [];

    public bool HasMissed => _rows.Any(row => row.Verdict == Verdict.Missed);

    public void Add(ReportRow row)
    {
        _rows.Add(row);
        Console.Error.WriteLine($"  {row.Measure}: {row.Control} / {row.Crew} {row.Ratio} [{row.Interval}] {Word(row.Verdict)}");
    }

    public void Note(string note) => _notes.Add(note);

    public string Table()
    {
        var table = new StringBuilder()
            .AppendLine("| measure | control | crew | ratio or difference | interval | goal | verdict |")
            .AppendLine("| --- | ---: | ---: | ---: | ---: | --- | --- |");
        foreach (var row in _rows)
        {
            table.AppendLine(CultureInfo.InvariantCulture,
                $"| {row.Measure} | {row.Control} | {row.Crew} | {row.Ratio} | {row.Interval} | {row.Goal} | {Word(row.Verdict)} |");
        }

        return table.ToString();
    }

    public string Page(string settings)
    {
        var page = new StringBuilder()
            .AppendLine("# Benchmarks")
            .AppendLine()
            .AppendLine(Method)
            .AppendLine()
            .AppendLine(settings)
            .AppendLine()
            .Append(Table());
        if (_notes.Count > 0)
        {
            page.AppendLine();
            _notes.ForEach(note => page.AppendLine(CultureInfo.InvariantCulture, $"- {note}"));
        }

        return page.ToString();
    }

    private static string Word(Verdict verdict) => verdict switch
    {
        Verdict.Met => "met",
        Verdict.Stretch => "met, stretch too",
        Verdict.Missed => "**missed**",
        _ => "",
    };
}
