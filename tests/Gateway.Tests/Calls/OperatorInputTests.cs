using Crew.Gateway.Prices;
using Crew.Gateway.Dialects.OpenAi;
using Crew.Gateway.Providers;
using Shouldly;
using Xunit;

namespace Crew.Gateway.Tests.Calls;

public sealed class OperatorInputTests
{
    [Theory]
    [InlineData(0, "0ms")]
    [InlineData(999, "999ms")]
    [InlineData(1_000, "1s")]
    [InlineData(59_800, "59.8s")]
    [InlineData(60_000, "1m0s")]
    [InlineData(61_005, "1m1.005s")]
    public void Resets_are_written_as_Go_writes_durations(long milliseconds, string text) => LimitHeaders.Duration(milliseconds).ShouldBe(text);

    [Theory]
    [InlineData("env:OPENAI_API_KEY", true)]
    [InlineData("env:CREW_MASTER_KEY", false)]
    [InlineData("env:CREW_X_API_KEY", false)]
    [InlineData("env:PATH", false)]
    [InlineData("env:openai_api_key", false)]
    [InlineData("file:/run/secrets/openai", true)]
    [InlineData("file:/run/secrets/../../etc/shadow", false)]
    [InlineData("file:/run/secrets/a/b", false)]
    [InlineData("file:/srv/data.key", false)]
    public void References_reach_only_places_that_hold_providers_keys(string reference, bool isAllowed) =>
        (CredentialSource.Check(reference) is null).ShouldBe(isAllowed);

    [Theory]
    [InlineData("openai")]
    [InlineData("anthropic")]
    public void The_built_in_price_lists_can_be_read(string kind)
    {
        var list = PriceFile.BuiltIn(kind);
        list.AsOf.ShouldNotBeNullOrEmpty();
        list.Source.ShouldNotBeNullOrEmpty();
        list.Models!.Count.ShouldBeGreaterThan(5);
        list.Models.ShouldAllBe(m => m.Prices().Fault == null && m.Prices().Value != null && m.MaxOutputTokens != 0);
    }
}
