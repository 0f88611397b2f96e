using Crew.Gateway.Calls;
using Crew.Gateway.Metering;
using Crew.Kernel;
using Crew.Spend.Contracts;
using Shouldly;
using Xunit;

namespace Crew.Gateway.Tests.Calls;

public sealed class SettlementTests
{
    private static readonly PriceList Prices = PriceList.Parse("1", "2").Value;
    private static readonly WorstCase Worst = new(BodyBytes: 400, OutputCap: 100, Choices: 1, HasTools: false);
    private static readonly NanoUsd Held = Worst.CostAt(Prices);

    private static Settlement Strict(bool isStrict) => new(Worst, Prices, isStrict, Held);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_the_provider_says_is_exact_and_zero_is_a_count(bool isStrict)
    {
        Strict(isStrict).OfAnswer(new TokenCounts(10, 0, 0, 5, 0), 999).ShouldBe(
            new Metered(new TokenCounts(10, 0, 0, 5, 0), new NanoUsd(20_000), Provenance.Exact));
        Strict(isStrict).OfAnswer(default(TokenCounts), 999).ShouldBe(Metered.Nothing);
        Strict(isStrict).OfBreak(new TokenCounts(1, 0, 0, 0, 0), 0).Provenance.ShouldBe(Provenance.Exact);
        Strict(isStrict).OfCut(new TokenCounts(1, 0, 0, 0, 0), 0).Provenance.ShouldBe(Provenance.Exact);
    }

    [Fact]
    public void A_silent_provider_is_estimated_by_size_and_charged_in_full_under_a_strict_budget()
    {
        var estimated = Strict(false).OfAnswer(null, 40);
        estimated.Tokens.ShouldBe(new TokenCounts(100, 0, 0, 10, 0));
        estimated.Cost.ShouldBe(new NanoUsd(120_000));
        estimated.Provenance.ShouldBe(Provenance.Estimated);
        Strict(true).OfAnswer(null, 40).Cost.ShouldBe(Held);
        Strict(true).OfAnswer(null, 40).Provenance.ShouldBe(Provenance.Estimated);
    }

    [Fact]
    public void A_broken_call_is_a_floor_and_lost_under_a_strict_budget()
    {
        Strict(false).OfBreak(null, 8).Provenance.ShouldBe(Provenance.Floor);
        Strict(false).OfBreak(null, 8).Tokens.Output.ShouldBe(2);
        Strict(true).OfBreak(null, 8).ShouldBe(new Metered(new TokenCounts(100, 0, 0, 2, 0), Held, Provenance.Lost));
        Strict(false).OfCut(null, 8).Provenance.ShouldBe(Provenance.Floor);
    }

    [Fact]
    public void A_cut_call_under_a_strict_budget_costs_the_most_that_it_can_where_the_margin_is_known_and_all_that_is_held_elsewhere()
    {
        Strict(true).OfCut(null, 8).ShouldBe(new Metered(new TokenCounts(100, 0, 0, 2, 0), Held, Provenance.Lost));
        var known = Strict(true) with { CancelMargin = 20 };
        known.OfCut(null, 8).ShouldBe(new Metered(new TokenCounts(656, 0, 0, 28, 0), new NanoUsd(712_000), Provenance.Estimated));
        known.OfCut(null, 8, new TokenCounts(50, 0, 0, 0, 0)).Cost.ShouldBe(new NanoUsd(106_000));
        known.OfCut(null, 5_000).Cost.ShouldBe(Held);
        (known with { Held = new NanoUsd(700_000) }).OfCut(null, 8).Cost.ShouldBe(new NanoUsd(700_000));
    }

    [Fact]
    public void Numbers_that_no_bill_holds_count_as_missing()
    {
        var dear = new Settlement(Worst, PriceList.Parse("999999", "999999").Value, false, Held);
        var absurd = new TokenCounts(TokenCounts.MaxPerClass, 0, 0, TokenCounts.MaxPerClass, 0);
        dear.OfAnswer(absurd, 8).Provenance.ShouldBe(Provenance.Estimated);
        dear.OfBreak(absurd, 8).Provenance.ShouldBe(Provenance.Floor);
    }

    [Fact]
    public void Without_a_price_tokens_count_and_money_does_not() =>
        new Settlement(Worst, null, false, NanoUsd.Zero).OfAnswer(new TokenCounts(7, 0, 0, 7, 0), 0).ShouldBe(
            new Metered(new TokenCounts(7, 0, 0, 7, 0), NanoUsd.Zero, Provenance.Exact));
}
