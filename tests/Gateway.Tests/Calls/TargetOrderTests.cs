using Crew.Gateway.Catalogue;
using Crew.Gateway.Dialects.OpenAi;
using Crew.Gateway.Providers;
using Crew.Gateway.Sandbox;
using Shouldly;
using Xunit;

namespace Crew.Gateway.Tests.Calls;

public sealed class TargetOrderTests
{
    private static readonly ProviderLink Link = ProviderLink.OfSandbox(new HttpMessageInvoker(new SandboxProvider(TimeProvider.System)));

    private static string Order(double dice, params (string Name, int Weight, int Priority)[] targets) => string.Concat(new CatalogueModel
    {
        Id = "m",
        Targets = [.. targets.Select(t => new Target(Link, t.Name, t.Weight, t.Priority, new CapRecord()))],
        CreatedAt = default,
        OwnedBy = "workspace",
    }.Order(dice).Select(t => t.UpstreamModel));

    [Theory]
    [InlineData(0.00, "abcd")]
    [InlineData(0.24, "abcd")]
    [InlineData(0.25, "bacd")]
    [InlineData(0.99, "bacd")]
    public void The_weight_decides_among_equals_and_priority_before_it(double dice, string order) =>
        Order(dice, ("a", 1, 1), ("b", 3, 1), ("c", 100, 2), ("d", 1, 3)).ShouldBe(order);

    [Fact]
    public void Every_target_gets_its_share_and_none_is_left_out()
    {
        var firsts = new int[3];
        for (var step = 0; step < 1_000; step++)
        {
            var order = Order(step / 1_000.0, ("0", 1, 1), ("1", 2, 1), ("2", 7, 1));
            order.Order().ShouldBe("012");
            firsts[order[0] - '0']++;
        }

        firsts.ShouldBe([100, 200, 700]);
    }

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

    [Fact]
    public void The_built_in_price_list_can_be_read()
    {
        var list = Crew.Gateway.Contracts.OperatorProviders.ReadList();
        list.Models.Count.ShouldBeGreaterThan(5);
        list.Models.ShouldAllBe(m => Crew.Gateway.Metering.PriceList.Parse(m.Input, m.Output, m.CacheRead, null).Fault == null && m.MaxOutputTokens > 0);
    }
}
