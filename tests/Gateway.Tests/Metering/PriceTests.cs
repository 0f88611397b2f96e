using Crew.Gateway.Metering;
using Crew.Kernel;
using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using Xunit;

namespace Crew.Gateway.Tests.Metering;

public sealed class PriceTests
{
    private static readonly PriceList Usual = PriceList.Parse("2.50", "10", "1.25", "3.125").Value;

    private static readonly Arbitrary<PriceList> Prices = ArbMap.Default.ArbFor<(uint, uint, uint, uint)>().Generator
        .Select(static p => PriceList.Parse(Decimal(p.Item1), Decimal(p.Item2), Decimal(p.Item3), Decimal(p.Item4)).Value).ToArbitrary();

    private static readonly Arbitrary<TokenCounts> Counts = ArbMap.Default.ArbFor<(ushort, ushort, ushort, ushort, ushort)>().Generator
        .Select(static t => new TokenCounts(t.Item1 * 31L, t.Item2, t.Item3, t.Item4 * 7L, t.Item5)).ToArbitrary();

    private static string Decimal(uint nanos) => new NanoUsd(nanos).ToString();

    [Fact]
    public void A_cost_is_the_sum_of_its_classes_rounded_up_once()
    {
        Usual.CostOf(new TokenCounts(1_000_000, 0, 0, 0, 0)).ShouldBe(new NanoUsd(2_500_000_000));
        Usual.CostOf(new TokenCounts(0, 1_000_000, 1_000_000, 500_000, 500_000)).ShouldBe(new NanoUsd(14_375_000_000));
        Usual.CostOf(new TokenCounts(1, 0, 0, 0, 0)).ShouldBe(new NanoUsd(2_500));
        PriceList.Parse("0.000000001", "0.000000001").Value.CostOf(new TokenCounts(1, 0, 0, 1, 0)).ShouldBe(new NanoUsd(1));
        Usual.CostOf(default).ShouldBe(NanoUsd.Zero);
    }

    [Fact]
    public void A_missing_cache_price_is_the_input_price_and_zero_is_a_price()
    {
        var prices = PriceList.Parse("2", "0", cacheWrite: "0").Value;
        prices.CacheRead.ShouldBe(prices.Input);
        prices.CacheWrite.ShouldBe(NanoUsd.Zero);
        prices.DearestInput.ShouldBe(prices.Input);
    }

    [Theory]
    [InlineData(null, "1", "input")]
    [InlineData("", "1", "input")]
    [InlineData("-1", "1", "input")]
    [InlineData("1", "1e3", "output")]
    [InlineData("1", "0.0000000001", "output")]
    [InlineData("1", null, "output")]
    public void A_price_that_is_no_decimal_text_is_refused(string? input, string? output, string field) =>
        PriceList.Parse(input, output).Fault.ShouldNotBeNull().Details!["field"].ShouldBe($"price_per_million_usd.{field}");

    [Fact]
    public void A_cost_that_does_not_fit_is_loud()
    {
        var dear = PriceList.Parse("999999999", "999999999").Value;
        Should.Throw<OverflowException>(() => dear.CostOf(new TokenCounts(TokenCounts.MaxPerClass, 0, 0, TokenCounts.MaxPerClass, 0)));
        Should.Throw<OverflowException>(() => new WorstCase(long.MaxValue - 5_000, int.MaxValue, 128, true).CostAt(dear));
        Should.Throw<OverflowException>(() => new TokenCounts(long.MaxValue, 0, 0, 0, 0) + new TokenCounts(1, 0, 0, 0, 0));
    }

    [Fact]
    public void A_cost_that_no_bill_holds_is_loud_long_before_it_overflows()
    {
        var prices = PriceList.Parse("0", "9000").Value;
        prices.CostOf(new TokenCounts(0, 0, 0, 11_000_000, 0)).Value.ShouldBe(99_000 * NanoUsd.PerDollar);
        Should.Throw<OverflowException>(() => prices.CostOf(new TokenCounts(0, 0, 0, 12_000_000, 0)));
        Should.Throw<OverflowException>(() => prices.CostOf(new TokenCounts(0, 0, 0, TokenCounts.MaxPerClass, 0)));
    }

    [Fact]
    public void More_tokens_never_cost_less() => Prop.ForAll(Prices, Counts, Counts, static (prices, some, more) =>
    {
        prices.CostOf(some + more).ShouldBeGreaterThanOrEqualTo(prices.CostOf(some));
        (prices.CostOf(some) + prices.CostOf(more)).ShouldBeGreaterThanOrEqualTo(prices.CostOf(some + more));
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(1_000));

    [Fact]
    [Trait("Trap", "24")]
    [Trait("Trap", "34")]
    public void Nothing_within_the_caps_costs_more_than_the_worst_case() => Prop.ForAll(Prices, Counts, static (prices, used) =>
    {
        var worst = new WorstCase(used.AllInput, (int)Math.Max(used.AllOutput, 1), 1, false);
        prices.CostOf(used).ShouldBeLessThanOrEqualTo(worst.CostAt(prices));
        var spread = new WorstCase(used.AllInput, (int)((used.AllOutput / 4) + 1), 4, true);
        prices.CostOf(used).ShouldBeLessThanOrEqualTo(spread.CostAt(prices));
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(1_000));

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 1)]
    [InlineData(4, 1)]
    [InlineData(5, 2)]
    public void A_text_without_counts_is_never_free(long bytes, long tokens) => TokenCounts.FloorOf(bytes).ShouldBe(tokens);
}
