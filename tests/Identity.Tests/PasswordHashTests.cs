using Crew.Identity.Accounts;

namespace Crew.Identity.Tests;

public sealed class PasswordHashTests
{
    /// <summary>A key of 256 random bits may be looked up by its hash; a password that a person thought of may not.</summary>
    [Fact]
    [Trait("Trap", "17")]
    public void Passwords_are_stored_slowly_derived_and_salted()
    {
        var (one, other) = (PasswordHash.Of("correct horse battery"), PasswordHash.Of("correct horse battery"));
        one.ShouldNotBe(other);
        one.ShouldStartWith("pbkdf2-sha512$");
        int.Parse(one.Split('$')[1], System.Globalization.CultureInfo.InvariantCulture).ShouldBeGreaterThanOrEqualTo(210_000);
        one.ShouldNotContain("horse");
        PasswordHash.Matches(one, "correct horse battery").ShouldBeTrue();
        PasswordHash.Matches(one, "correct horse batterz").ShouldBeFalse();
    }
}
