using Crew.Identity.Accounts;
using Crew.Sealing;

namespace Crew.Identity.Tests;

public sealed class BearerMintTests(IdentityBed bed) : IClassFixture<IdentityBed>
{
    private readonly BearerMint _mint = new(new Lazy<StoredKeys>(bed.Keys));

    [Fact]
    public void A_text_is_known_again_by_its_hash_and_for_its_own_kind_only()
    {
        var (text, hash) = _mint.Make("session");
        text.Reveal().Length.ShouldBe(BearerMint.Length);
        _mint.HashOf("session", text.Reveal()).ShouldBe(hash);
        _mint.HashOf("link", text.Reveal()).ShouldBeNull();
        hash.ShouldNotContain(text.Reveal());
    }

    [Fact]
    public void A_text_with_one_other_character_is_refused_without_a_look_up()
    {
        var text = _mint.Make("session").Text.Reveal();
        for (var at = 0; at < text.Length; at++)
        {
            var other = text[..at] + (text[at] == 'A' ? 'B' : 'A') + text[(at + 1)..];
            _mint.HashOf("session", other).ShouldBeNull(other);
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("short")]
    [InlineData("=====================================================")]
    public void Garbage_is_refused(string? text) => _mint.HashOf("session", text).ShouldBeNull();
}
