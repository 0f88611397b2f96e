using Crew.Gateway.Metering;
using Crew.Kernel;
using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using Xunit;

namespace Crew.Gateway.Tests.Metering;

/// <summary>Prices that hang on the whole call: its length, its service tier, what else than text is in it.</summary>
public sealed class PriceFunctionTests
{
    private static readonly ModelPrices Texts = new("2", "10", "0.20", "2.50")
    {
        AudioInput = "32",
        AudioOutput = "64",
        ImageInput = "5",
        Above = [new StepPrices(200_000, "4", "15", "0.40", "5"), new StepPrices(500_000, "8", "30", null, null)],
        ServiceTiers = new Dictionary<string, TierPrices>
        {
            ["priority"] = new("4", "20", "0.40", null), ["flex"] = new("1", "5", "0.10", null) { Above = [new StepPrices(200_000, "2", "7.50", null, null)] },
        },
    };

    private static readonly PriceList Prices = PriceTexts.Parse(Texts, null).Value!;

    private static NanoUsd Usd(decimal dollars) => new((long)(dollars * NanoUsd.PerDollar));

    [Fact]
    public void A_longer_call_costs_more_for_every_token_of_it_from_the_first_one_above_the_step_on()
    {
        Prices.CostOf(new TokenCounts(200_000, 0, 0, 1_000, 0)).ShouldBe(Usd(0.41m));
        Prices.CostOf(new TokenCounts(200_001, 0, 0, 1_000, 0)).ShouldBe(Usd(0.815004m));
        Prices.CostOf(new TokenCounts(1, 200_000, 0, 0, 0)).ShouldBe(Usd(0.080004m), "what the cache served counts for the length");
        Prices.CostOf(new TokenCounts(600_000, 0, 0, 0, 0)).ShouldBe(Usd(4.8m));
    }

    [Fact]
    public void A_service_tier_has_prices_of_its_own_and_what_nobody_says_is_the_dearer_one()
    {
        var million = new TokenCounts(100_000, 0, 0, 100_000, 0);
        Prices.CostOf(million with { Tier = ServiceTier.Priority }).ShouldBe(Usd(2.4m));
        Prices.CostOf(million with { Tier = ServiceTier.Standard }, ServiceTier.Priority).ShouldBe(Usd(1.2m), "priority was not to be had");
        Prices.CostOf(million, ServiceTier.Flex).ShouldBe(Usd(1.2m), "the answer does not say that it was flex");
        Prices.CostOf(million with { Tier = ServiceTier.Flex }, ServiceTier.Flex).ShouldBe(Usd(0.6m));
        Prices.Knows(million with { Tier = ServiceTier.Batch }, ServiceTier.Unsaid).ShouldBeFalse();
        Prices.Knows(million with { Tier = ServiceTier.Priority }, ServiceTier.Unsaid).ShouldBeTrue();
    }

    [Fact]
    public void Sound_without_a_price_is_not_known_and_pictures_without_one_cost_what_text_costs()
    {
        var plain = PriceList.Parse("1", "2").Value;
        plain.Knows(new TokenCounts { AudioOutput = 1 }, ServiceTier.Unsaid).ShouldBeFalse();
        plain.CostOf(new TokenCounts { ImageInput = 1_000_000 }).ShouldBe(Usd(1));
        Prices.CostOf(new TokenCounts { AudioInput = 1_000, AudioOutput = 1_000, ImageInput = 1_000 }).ShouldBe(Usd(0.101m));
        Prices.CostOf(new TokenCounts { AudioInput = 250_000 }).ShouldBe(Usd(8), "a step that names no price of sound keeps it");
    }

    [Fact]
    public void Units_are_billed_beside_tokens_or_instead_of_them()
    {
        var units = PriceTexts.Parse(null, new UnitTexts("0.04", [new("1024x1024", "hd", "0.08"), new(null, "hd", "0.12")], "0.0001", "0.000015")).Value!;
        units.HasTokens.ShouldBeFalse();
        units.Units!.ImageOf("1024x1024", "standard").ShouldBe(Usd(0.04m));
        units.Units.ImageOf("1024x1024", "hd").ShouldBe(Usd(0.08m));
        units.Units.ImageOf("1792x1024", "hd").ShouldBe(Usd(0.12m));
        units.Units.ImageOf(null, null).ShouldBe(Usd(0.12m), "what is left open may be the dearest");
        units.Units.ImageOf("1024x1024", "auto").ShouldBe(Usd(0.12m), "a line without a size fits any");
        units.CostOf(new TokenCounts { Seconds = 61 }).ShouldBe(Usd(0.0061m));
        units.CostOf(new TokenCounts { Characters = 1_000 }).ShouldBe(Usd(0.015m));
        units.CostOf(new TokenCounts { Images = 2 }, image: Usd(0.08m)).ShouldBe(Usd(0.16m));
    }

    [Fact]
    public void What_is_shown_can_be_given_again()
    {
        var shown = PriceTexts.Show(Prices)!;
        PriceTexts.IsSame(PriceTexts.Parse(shown, null).Value, Prices).ShouldBeTrue();
        shown.Above![0].AudioInput.ShouldBe("32.000000000");
        PriceTexts.IsSame(Prices, PriceList.Parse("2", "10", "0.20", "2.50").Value).ShouldBeFalse();
    }

    public static TheoryData<string> Broken => ["steps fall", "a step at zero", "a tier without a price", "an unknown tier", "audio that is no number"];

    [Theory]
    [MemberData(nameof(Broken))]
    public void Prices_that_do_not_hang_together_are_refused_with_their_place(string how)
    {
        var (given, at) = how switch
        {
            "steps fall" => (Texts with { Above = [new StepPrices(5, "1", "1", null, null), new StepPrices(5, "1", "1", null, null)] }, ".above"),
            "a step at zero" => (Texts with { Above = [new StepPrices(0, "1", "1", null, null)] }, ".above"),
            "a tier without a price" => (Texts with { ServiceTiers = new Dictionary<string, TierPrices> { ["flex"] = new("1", null, null, null) } }, ".service_tiers.flex.output"),
            "an unknown tier" => (Texts with { ServiceTiers = new Dictionary<string, TierPrices> { ["gold"] = new("1", "1", null, null) } }, ".service_tiers"),
            _ => (Texts with { AudioInput = "1e3" }, ".audio_input"),
        };
        PriceTexts.Parse(given, null).Fault.ShouldNotBeNull().Details!["field"].ShouldBe("price_per_million_usd" + at);
    }

    /// <summary>Any price function, any bill within what was promised: the hold covers it. Steps and tiers may fall as well as rise.</summary>
    [Fact]
    [Trait("Trap", "24")]
    public void Nothing_that_keeps_to_its_caps_costs_more_than_was_held() => Prop.ForAll(
        Functions, Bills, static (prices, bill) =>
        {
            var (used, asked, choices, n) = bill;
            if (asked is not (ServiceTier.Unsaid or ServiceTier.Standard) && !prices.Tiers.ContainsKey(asked))
            {
                asked = ServiceTier.Standard;
            }

            var told = used.Tier == asked || asked == ServiceTier.Unsaid || used.Tier == ServiceTier.Standard ? used.Tier : ServiceTier.Unsaid;
            used = used with { Tier = told is ServiceTier.Unsaid or ServiceTier.Standard || prices.Tiers.ContainsKey(told) ? told : ServiceTier.Unsaid };
            used = prices.Base.AudioOutput is null ? used with { AudioOutput = 0, AudioInput = 0 } : used with { AudioInput = 0 };
            var text = used.AllInput - used.ImageInput;
            var worst = new WorstCase(text + 40, (int)((used.AllOutput / choices) + 1), choices, n % 2 == 0, HasLongCache: true)
            {
                ImageBytes = 40, ImageTokens = used.ImageInput, HasAudioOutput = true, HasImageOutput = true, Tier = asked, Images = used.Images,
                ImagePrice = prices.Units?.ImageOf(null, null), Characters = used.Characters,
            };
            prices.CostOf(used, asked, worst.ImagePrice).ShouldBeLessThanOrEqualTo(worst.CostAt(prices));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(3_000));

    [Fact]
    public void More_tokens_never_cost_less_where_no_step_is_cheaper() => Prop.ForAll(Bills, Bills, static (one, other) =>
    {
        var (some, more) = (one.Used with { Tier = ServiceTier.Standard }, other.Used with { Tier = ServiceTier.Standard });
        Prices.CostOf(some + more).ShouldBeGreaterThanOrEqualTo(Prices.CostOf(some));
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(1_000));

    private static Gen<string> Price => Gen.Choose(0, 40_000_000).Select(static n => new NanoUsd(n * 1_000L).ToString());

    private static Gen<string> UnitPrice => Gen.Choose(0, 1_000_000).Select(static n => new NanoUsd(n).ToString());

    private static Gen<string?> MaybePrice => Gen.OneOf(Price.Select(static p => (string?)p), Gen.Constant((string?)null));

    private static Arbitrary<PriceList> Functions => (
        from p in Gen.ArrayOf(Price, 8)
        from m in Gen.ArrayOf(MaybePrice, 8)
        from u in Gen.ArrayOf(UnitPrice, 3)
        from steps in Gen.Choose(0, 2)
        from tiers in Gen.Choose(0, 3)
        from at in Gen.Choose(1, 200_000)
        select PriceTexts.Parse(
            new ModelPrices(p[0], p[1], m[0], m[1])
            {
                AudioInput = m[2], AudioOutput = m[3], ImageInput = m[4], ImageOutput = m[5],
                Above = [.. new[] { new StepPrices(at, p[2], p[3], m[6], m[7]), new StepPrices(at * 2L, p[4], p[5], null, m[0]) { AudioOutput = m[1] } }.Take(steps)],
                ServiceTiers = new Dictionary<string, TierPrices>
                {
                    ["priority"] = new(p[6], p[7], m[6], m[2]) { Above = [new StepPrices(at, p[1], p[0], null, null)] },
                    ["flex"] = new(p[5], p[4], null, m[4]) { ImageOutput = m[3] },
                    ["batch"] = new(p[3], p[2], m[5], null),
                }.Take(tiers).ToDictionary(),
            },
            tiers == 1 ? null : new UnitTexts(u[0], [new ImagePrice("a", null, u[1])], null, u[2])).Value!).ToArbitrary();

    private static Arbitrary<(TokenCounts Used, ServiceTier Asked, int Choices, int N)> Bills => (
        from t in Gen.ArrayOf(Gen.Choose(0, 120_000), 9)
        from asked in Gen.Elements(ServiceTier.Unsaid, ServiceTier.Standard, ServiceTier.Priority, ServiceTier.Flex)
        from told in Gen.Elements(ServiceTier.Unsaid, ServiceTier.Standard, ServiceTier.Priority, ServiceTier.Flex, ServiceTier.Batch)
        from choices in Gen.Choose(1, 4)
        from n in Gen.Choose(0, 9)
        select (new TokenCounts(t[0], t[1], t[2], t[3], t[4])
        {
            LongCacheWrite = t[2] / 2, AudioOutput = t[5], ImageInput = t[6], ImageOutput = t[7], Images = n, Characters = t[8], Tier = told,
        }, asked, choices, n)).ToArbitrary();
}
