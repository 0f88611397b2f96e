using System.Text.RegularExpressions;
using Crew.Kernel;
using Crew.Testing;

namespace Crew.Keys.Tests;

/// <summary>The text of a key: its form, its checksum, and the vectors of the guide.</summary>
public sealed partial class KeyTextTests
{
    private static readonly string[] Prefixes = ["crew_sk_live_", "crew_sk_test_", "crew_dev_", "crew_stg_", "crew_prod_"];

    public static TheoryData<string, string, string> Vectors()
    {
        var data = new TheoryData<string, string, string>();
        foreach (Match row in VectorRow().Matches(File.ReadAllText(Path.Combine(CrewExecutable.RepositoryRoot, "docs/guides/api-keys.md"))))
        {
            data.Add(row.Groups[1].Value, row.Groups[2].Value, row.Groups[3].Value);
        }

        return data;
    }

    [Fact]
    public void The_guide_has_three_vectors() => Vectors().Count.ShouldBe(3);

    [Theory]
    [MemberData(nameof(Vectors))]
    public void The_vectors_of_the_guide_are_right(string prefix, string random, string text)
    {
        KeyText.Format(prefix, Convert.FromHexString(random)).ShouldBe(text);
        KeyText.IsWellFormed(text).ShouldBeTrue();
    }

    [Fact]
    public void The_published_pattern_matches_every_key_and_stands_in_the_guide()
    {
        var pattern = new Regex($"^{KeyText.Pattern}$");
        foreach (var prefix in Prefixes)
        {
            var text = KeyText.Mint(prefix).Reveal();
            pattern.IsMatch(text).ShouldBeTrue(text[..^4]);
            KeyText.IsWellFormed(text).ShouldBeTrue();
        }

        File.ReadAllText(Path.Combine(CrewExecutable.RepositoryRoot, "docs/guides/api-keys.md")).ShouldContain(KeyText.Pattern);
    }

    [Fact]
    public void Every_environment_has_its_prefix() =>
        CrewEnvironments.All.Select(KeyText.PrefixOf).ShouldBe(["crew_dev_", "crew_stg_", "crew_prod_"]);

    [Theory]
    [InlineData("")]
    [InlineData("crew_")]
    [InlineData("crew_sk_live_")]
    [InlineData("sk-proj-abc")]
    [InlineData("Bearer crew_sk_live_")]
    public void Other_texts_are_no_keys(string text) => KeyText.IsWellFormed(text).ShouldBeFalse();

    [Fact]
    public void A_key_with_anything_before_behind_or_within_is_no_key()
    {
        var text = KeyText.Mint("crew_sk_live_").Reveal();
        string[] wrongs = [" " + text, text + " ", text + "0", text[..^1], text.ToUpperInvariant(), text.Replace("live", "test"), text.Insert(20, "\0")];
        foreach (var wrong in wrongs)
        {
            KeyText.IsWellFormed(wrong).ShouldBeFalse();
        }
    }

    [GeneratedRegex(@"^\| `(crew_[a-z_]+_)` \| `([0-9a-f]{64})` \| `(crew_\w+)` \|$", RegexOptions.Multiline)]
    private static partial Regex VectorRow();
}
