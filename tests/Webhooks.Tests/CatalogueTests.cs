using System.Text.RegularExpressions;
using Crew.Webhooks.Catalogue;

namespace Crew.Webhooks.Tests;

/// <summary>The catalogue holds what is raised, and what it holds as raised is.</summary>
public sealed partial class CatalogueTests
{
    /// <summary>Events of the audit log that integrations do not hear, with the reason.</summary>
    private static readonly Dictionary<string, string> Unheard = new()
    {
        ["api_key.used"] = "every request makes one", ["token.used"] = "every request makes one", ["auth.failed"] = "counted refusals", ["rate_limit.exceeded"] = "counted refusals",
        ["auth.login.failure"] = "counted refusals",
    };

    private static readonly IReadOnlyList<string> InSource =
    [
        .. Directory.EnumerateFiles(Path.Combine(SourceRoot.Path, "src"), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains("Catalogue", StringComparison.Ordinal) && !file.Contains("/obj/", StringComparison.Ordinal))
            .SelectMany(file => Literal().Matches(File.ReadAllText(file))).Select(m => m.Groups["name"].Value).Distinct(),
    ];

    [Fact]
    public void Every_event_that_the_catalogue_calls_raised_is_raised_somewhere() =>
        EventTypes.All.Where(t => t.IsRaised && t.Name != EventTypes.Test).Select(t => t.Name).Except(InSource).ShouldBeEmpty();

    [Fact]
    public void Every_event_that_is_raised_in_a_workspace_is_in_the_catalogue() =>
        Directory.EnumerateFiles(Path.Combine(SourceRoot.Path, "src"), "*.cs", SearchOption.AllDirectories)
            .SelectMany(file => Raised().Matches(File.ReadAllText(file))).Select(m => m.Groups["name"].Value).Distinct()
            .Where(name => !name.StartsWith("operator.", StringComparison.Ordinal) && !Unheard.ContainsKey(name))
            .Where(name => EventTypes.Find(name) is not { IsRaised: true }).ShouldBeEmpty();

    [Fact]
    public void Names_and_aliases_are_unique_and_what_waits_says_why()
    {
        EventTypes.All.SelectMany(t => t.Aliases.Prepend(t.Name)).ShouldBeUnique();
        EventTypes.All.ShouldAllBe(t => t.IsRaised || t.Waits!.Length > 10);
    }

    [Theory]
    [InlineData("call.ended"), InlineData("sms.received"), InlineData("agent.error"), InlineData("appointment.reminder.sent"), InlineData("campaign.call.completed")]
    [InlineData("memory.stored"), InlineData("webhook.test"), InlineData("workspace.updated"), InlineData("agent.updated")]
    public void The_documented_names_are_in_the_catalogue(string name) => EventTypes.Find(name).ShouldNotBeNull();

    [GeneratedRegex("\"(?<name>[a-z_]+(\\.[a-z_]+)+)\"")]
    private static partial Regex Literal();

    [GeneratedRegex("""new Event\([^;{]*?"(?<name>[a-z_]+(\.[a-z_]+)+)"[^;]*?""")]
    private static partial Regex Raised();
}
