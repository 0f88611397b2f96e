using System.Net;
using Crew.Sealing.Egress;

namespace Crew.Sealing.Tests.Egress;

public sealed class EgressPolicyTests
{
    [Fact]
    public void Entries_name_purpose_host_and_port()
    {
        var policy = EgressPolicy.Parse(
            " webhook@Hooks.Internal:8443 , ollama.internal:11434,sso@10.0.0.5,crawl@[fd12::5]:80,code@fd12::6, ").Value;
        policy.IsListed(EgressPurpose.Webhook, "hooks.internal", 8443).ShouldBeTrue();
        policy.IsListed(EgressPurpose.Webhook, "HOOKS.internal.", 8443).ShouldBeTrue();
        policy.IsListed(EgressPurpose.Webhook, "hooks.internal", 443).ShouldBeFalse();
        policy.IsListed(EgressPurpose.Provider, "hooks.internal", 8443).ShouldBeFalse();
        policy.IsListed(EgressPurpose.Provider, "ollama.internal", 11434).ShouldBeTrue();
        policy.IsListed(EgressPurpose.Sso, "10.0.0.5", 80).ShouldBeTrue();
        policy.IsListed(EgressPurpose.Sso, "::ffff:10.0.0.5", 80).ShouldBeTrue();
        policy.IsListed(EgressPurpose.Crawl, "fd12:0::5", 80).ShouldBeTrue();
        policy.IsListed(EgressPurpose.Crawl, "[fd12::5]", 80).ShouldBeTrue();
        policy.IsListed(EgressPurpose.Code, "fd12::6", 1234).ShouldBeTrue();
        policy.IsListed(EgressPurpose.Code, "x.hooks.internal", 8443).ShouldBeFalse();
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(" , ")]
    public void No_list_opens_nothing(string? list) =>
        EgressPolicy.Parse(list).Value.IsListed(EgressPurpose.Provider, "localhost", 80).ShouldBeFalse();

    [Theory]
    [InlineData("mail@host", 1)]
    [InlineData("ok.internal,webhook@", 2)]
    [InlineData("http://host", 1)]
    [InlineData("host/path", 1)]
    [InlineData("host:0", 1)]
    [InlineData("host:65536", 1)]
    [InlineData("host:", 1)]
    [InlineData("*.internal", 1)]
    [InlineData("10.0.0.0/8", 1)]
    [InlineData("münchen.internal", 1)]
    [InlineData("webhook@user@host", 1)]
    public void A_bad_entry_is_refused_by_number(string list, int entry)
    {
        var fault = EgressPolicy.Parse(list).Fault!;
        fault.Code.ShouldBe("egress_allow_malformed");
        fault.Details!["entry"].ShouldBe(entry);
    }

    [Fact]
    public void A_list_without_end_is_refused() =>
        EgressPolicy.Parse(string.Join(',', Enumerable.Range(0, 257).Select(number => $"h{number}"))).Fault.ShouldNotBeNull();

    [Theory]
    [InlineData("https://example.com/x", null)]
    [InlineData("http://example.com/x", EgressRefusalReason.PlainHttp)]
    [InlineData("http://listed.internal:8080/", null)]
    [InlineData("http://listed.internal:8081/", EgressRefusalReason.PlainHttp)]
    [InlineData("ftp://example.com/", EgressRefusalReason.SchemeNotAllowed)]
    [InlineData("file:///etc/passwd", EgressRefusalReason.SchemeNotAllowed)]
    [InlineData("https://user:pw@example.com/", EgressRefusalReason.CredentialsInUrl)]
    [InlineData("https://127.0.0.1/", EgressRefusalReason.AddressNotAllowed)]
    [InlineData("https://2130706433/", EgressRefusalReason.AddressNotAllowed)]
    [InlineData("https://0x7f.1/", EgressRefusalReason.AddressNotAllowed)]
    [InlineData("https://0177.0.0.1/", EgressRefusalReason.AddressNotAllowed)]
    [InlineData("https://[::1]/", EgressRefusalReason.AddressNotAllowed)]
    [InlineData("https://[::ffff:127.0.0.1]/", EgressRefusalReason.AddressNotAllowed)]
    [InlineData("https://[64:ff9b::7f00:1]/", EgressRefusalReason.AddressNotAllowed)]
    [InlineData("https://169.254.169.254/latest/meta-data/", EgressRefusalReason.AddressNotAllowed)]
    [InlineData("http://10.0.0.5:8000/v1", null)]
    public void A_URL_is_judged_before_anything_is_resolved(string url, EgressRefusalReason? reason)
    {
        var refusal = EgressPolicy.Parse("listed.internal:8080,10.0.0.5").Value.Check(EgressPurpose.Provider, new Uri(url));
        (refusal?.Reason).ShouldBe(reason);
        (refusal?.ToFault().Code ?? "egress_refused").ShouldBe("egress_refused");
    }

    [Fact]
    public void Metadata_stays_closed_when_it_is_listed()
    {
        var policy = EgressPolicy.Parse("provider@169.254.169.254,provider@meta.internal").Value;
        policy.Check(EgressPurpose.Provider, new Uri("http://169.254.169.254/")).ShouldNotBeNull().Address.ShouldBe(AddressClass.Metadata);
        policy.Check(EgressPurpose.Provider, "meta.internal", 80, IPAddress.Parse("fd00:ec2::254")).ShouldNotBeNull();
        policy.Check(EgressPurpose.Provider, "meta.internal", 80, IPAddress.Parse("10.0.0.1")).ShouldBeNull();
    }

    [Fact]
    public void A_refusal_repeats_neither_path_nor_query_nor_credentials()
    {
        var refusal = EgressPolicy.Closed.Check(EgressPurpose.Webhook, new Uri("http://me:hunter2@example.com/path?token=s3cret"))!;
        var text = $"{refusal} {refusal.ToFault()} {new EgressRefusedException(refusal)}";
        text.ShouldNotContain("hunter2");
        text.ShouldNotContain("s3cret");
        text.ShouldNotContain("path");
    }
}
