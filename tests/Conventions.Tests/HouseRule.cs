namespace Crew.Conventions.Tests;

/// <summary>A rule over source code: a pure function from files to offenders, with the name that exemptions use.</summary>
internal sealed record HouseRule(string Name, Func<IReadOnlyList<SourceFile>, IEnumerable<Offender>> Find)
{
    /// <summary>Every rule that can be exempted from.</summary>
    public static IReadOnlyList<HouseRule> All { get; } =
    [
        Doors.Rule, Interfaces.Rule, Sizes.Files, Sizes.Methods, Sizes.Columns, Namespaces.Rule, Names.Rule, Comments.Rule,
        FaultPages.Literals, Options.Rule, RawSql.Rule,
    ];

    /// <summary>The offenders that no exemption covers.</summary>
    public IReadOnlyList<Offender> Judge(IReadOnlyList<SourceFile> files)
    {
        var exemptions = Exemption.In(files);
        return [.. Find(files).Where(offender => !exemptions.Any(exemption => exemption.Covers(Name, offender)))];
    }

    public void ShouldHold() => Offenders.ShouldBeNone(Name, Judge(Repository.Sources));

    /// <summary>What the rule says to one planted file.</summary>
    public IReadOnlyList<Offender> Judge(string path, string text) => Judge([new SourceFile(path, text)]);
}

internal static class Offenders
{
    /// <summary>Fails with every offender on a line of its own; a list assertion would cut them short.</summary>
    public static void ShouldBeNone(string rule, IEnumerable<Offender> offenders)
    {
        var lines = offenders.Select(offender => offender.ToString()).Distinct().Order(StringComparer.Ordinal).ToArray();
        if (lines.Length > 0)
        {
            Assert.Fail($"{lines.Length} against the rule '{rule}':\n{string.Join('\n', lines)}");
        }
    }

    public static void ShouldName(this IEnumerable<Offender> offenders, params string[] expected) =>
        offenders.Select(offender => offender.ToString()).Order(StringComparer.Ordinal).ShouldBe(expected.Order(StringComparer.Ordinal));
}
