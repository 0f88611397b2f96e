using Crew.Identity.Tokens;
using Crew.Kernel;

namespace Crew.Identity.Tests;

/// <summary>The text of refresh tokens: what this server has made it knows again, and nothing else.</summary>
public sealed class RefreshTextTests(IdentityBed bed) : IClassFixture<IdentityBed>
{
    private readonly RefreshText _texts = new(bed.Keys);

    [Fact]
    public void A_line_is_the_same_whoever_asks_for_it()
    {
        var token = _texts.First(Id.New(IdPrefix.TokenFamily, TimeProvider.System));
        for (var number = 1u; number <= 100; number++)
        {
            token.Number.ShouldBe(number);
            _texts.TryRead(token.Text.Reveal(), out var read).ShouldBeTrue();
            (read!.FamilyId, read.Number, read.Hash).ShouldBe((token.FamilyId, token.Number, token.Hash));
            _texts.Successor(read).Hash.ShouldBe(_texts.Successor(token).Hash);
            token = _texts.Successor(token);
        }
    }

    [Fact]
    public void Each_character_counts()
    {
        var text = _texts.First(Id.New(IdPrefix.TokenFamily, TimeProvider.System)).Text.Reveal();
        for (var at = 0; at < text.Length; at++)
        {
            foreach (var other in "0Az_é".Where(c => c != text[at]))
            {
                _texts.TryRead(text[..at] + other + text[(at + 1)..], out _).ShouldBeFalse();
            }
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("crew_rt_")]
    [InlineData("crew_sk_live_00000000000000000000000000000000000000000000002dHtyQ")]
    public void Garbage_is_refused(string? text) => _texts.TryRead(text, out _).ShouldBeFalse();

    [Fact]
    public void Two_families_share_nothing()
    {
        var hashes = Enumerable.Range(0, 100).Select(_ => _texts.First(Id.New(IdPrefix.TokenFamily, TimeProvider.System)).Hash).ToHashSet();
        hashes.Count.ShouldBe(100);
    }
}
