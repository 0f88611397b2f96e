using System.Text.RegularExpressions;

namespace Crew.Audit.Tests;

public sealed partial class EventCatalogueTests
{
    [Fact]
    public void Every_event_in_the_source_is_in_the_catalogue()
    {
        var unknown = Directory.EnumerateFiles(Path.Combine(SourceTree.Root, "src"), "*.cs", SearchOption.AllDirectories)
            .SelectMany(file => NamesIn(file, File.ReadAllText(file))
                .Where(name => name != "none" && !EventCatalogue.IsKnown(name))
                .Select(name => $"{Path.GetRelativePath(SourceTree.Root, file)}: {name}"));
        string.Join('\n', unknown).ShouldBeEmpty();
    }

    /// <summary>What a module names in its events file, and what is named where an event is raised or a route declares it.</summary>
    private static IEnumerable<string> NamesIn(string file, string text) =>
        (file.EndsWith("Events.cs", StringComparison.Ordinal) ? [text] : Raised().Matches(text).Select(raised => raised.Groups["names"].Value))
            .SelectMany(names => Literal().Matches(names)).Select(literal => literal.Groups["name"].Value);

    [Fact]
    public void A_name_is_listed_once_and_well_formed()
    {
        EventCatalogue.Names.ShouldBeUnique();
        EventCatalogue.Names.ShouldAllBe(name => WellFormed().IsMatch(name));
    }

    [Theory]
    [InlineData("auth.login.success"), InlineData("auth.failed"), InlineData("user.invitation.accepted"), InlineData("api.request")]
    [InlineData("pathway.deleted"), InlineData("settings.updated"), InlineData("recording.accessed"), InlineData("export.downloaded")]
    [InlineData("call.transferred"), InlineData("sms.sent"), InlineData("token.refreshed"), InlineData("api_key.leaked")]
    [InlineData("workspace.suspended"), InlineData("session.revoked"), InlineData("ip_allowlist.changed"), InlineData("budget.breach")]
    public void The_documented_events_are_in_the_catalogue(string name) => EventCatalogue.IsKnown(name).ShouldBeTrue();

    [Fact]
    public void A_group_holds_what_is_below_it()
    {
        EventCatalogue.Below("auth.mfa").ShouldBe(["auth.mfa.enabled", "auth.mfa.disabled"]);
        EventCatalogue.Below("api").ShouldBe(["api.request"], "api_key.* is another group");
        EventCatalogue.Below("").ShouldBeEmpty();
    }

    [GeneratedRegex("""(new Event\(|\.Audited\(|refusals\.Known\([^"]*)(?<names>"[^)]*)""")]
    private static partial Regex Raised();

    [GeneratedRegex("\"(?<name>[a-z_]+(\\.[a-z_]+)+|none)\"")]
    private static partial Regex Literal();

    [GeneratedRegex(@"^[a-z][a-z_]*(\.[a-z][a-z_]*)+$")]
    private static partial Regex WellFormed();
}
