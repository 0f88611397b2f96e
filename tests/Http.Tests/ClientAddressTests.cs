using System.Net;
using Microsoft.AspNetCore.Http;

namespace Crew.Http.Tests;

/// <summary>Where a request came from, behind proxies that are trusted and behind those that are not.</summary>
public sealed class ClientAddressTests
{
    [Theory]
    [InlineData(null, "203.0.113.9", "198.51.100.1", "203.0.113.9")]
    [InlineData("10.0.0.0/8", "203.0.113.9", "198.51.100.1", "203.0.113.9")]
    [InlineData("10.0.0.0/8", "10.1.1.1", null, "10.1.1.1")]
    [InlineData("10.0.0.0/8", "10.1.1.1", "198.51.100.1", "198.51.100.1")]
    [InlineData("10.0.0.0/8", "10.1.1.1", "192.0.2.66, 198.51.100.1", "198.51.100.1")]
    [InlineData("10.0.0.0/8", "10.1.1.1", "192.0.2.66, 198.51.100.1, 10.2.2.2", "198.51.100.1")]
    [InlineData("10.0.0.0/8", "10.1.1.1", "10.3.3.3, 10.2.2.2", "10.3.3.3")]
    [InlineData("10.0.0.0/8", "::ffff:10.1.1.1", "::ffff:198.51.100.1", "198.51.100.1")]
    [InlineData("::ffff:10.0.0.0/104", "10.1.1.1", "198.51.100.1", "198.51.100.1")]
    [InlineData("fd00::/8", "fd00::1", "2001:db8::9", "2001:db8::9")]
    [InlineData("fd00::/8", "fd00::1", "[2001:db8::9]:4711", "2001:db8::9")]
    [InlineData("fd00::/8", "fd00::1", "\"[2001:db8::9]:4711\"", "2001:db8::9")]
    [InlineData("10.0.0.0/8", "10.1.1.1", "198.51.100.1:4711", "198.51.100.1")]
    [InlineData("10.0.0.0/8", "10.1.1.1", "fe80::1%3", "fe80::1")]
    [InlineData("10.0.0.0/8", "10.1.1.1", "192.0.2.66, unknown", "10.1.1.1")]
    [InlineData("10.0.0.0/8", "10.1.1.1", "192.0.2.66, [", "10.1.1.1")]
    [Trait("Trap", "14")]
    public void The_right_most_address_that_is_no_trusted_proxy_counts(string? trusted, string peer, string? forwarded, string expected)
    {
        var http = new DefaultHttpContext();
        http.Connection.RemoteIpAddress = IPAddress.Parse(peer);
        http.Request.Headers["X-Forwarded-For"] = forwarded;
        ClientAddress.Parse(trusted).Value.Of(http).ToString().ShouldBe(expected);
    }

    [Fact]
    public void A_second_header_stands_right_of_the_first()
    {
        var http = new DefaultHttpContext();
        http.Connection.RemoteIpAddress = IPAddress.Parse("10.1.1.1");
        http.Request.Headers["X-Forwarded-For"] = new[] { "192.0.2.66", "198.51.100.1, 10.2.2.2" };
        ClientAddress.Parse("10.0.0.0/8").Value.Of(http).ToString().ShouldBe("198.51.100.1");
    }

    [Theory]
    [InlineData("192.0.2.7", "192.0.2.7/32")]
    [InlineData("192.0.2.0/24", "192.0.2.0/24")]
    [InlineData("192.0.2.7/24", "192.0.2.0/24")]
    [InlineData("0.0.0.0/0", "0.0.0.0/0")]
    [InlineData("2001:db8::/32", "2001:db8::/32")]
    [InlineData("2001:DB8:0::7", "2001:db8::7/128")]
    [InlineData("::ffff:192.0.2.7", "192.0.2.7/32")]
    [InlineData("::ffff:192.0.2.0/120", "192.0.2.0/24")]
    [InlineData("::/0", "::/0")]
    public void A_network_is_read(string text, string expected)
    {
        Networks.TryParse(text, out var network).ShouldBeTrue();
        network.ToString().ShouldBe(expected);
    }

    [Theory]
    [InlineData("")]
    [InlineData("localhost")]
    [InlineData("192.0.2")]
    [InlineData("3221225985")]
    [InlineData("0xc0.0.2.7")]
    [InlineData("192.0.2.010")]
    [InlineData("192.0.2.0/33")]
    [InlineData("192.0.2.0/")]
    [InlineData("010.0.0.0/8")]
    [InlineData("fe80::1%eth0")]
    [InlineData("fe80::%1/64")]
    [InlineData("[2001:db8::1]")]
    public void What_two_could_read_in_two_ways_is_refused(string text) => Networks.TryParse(text, out _).ShouldBeFalse();

    [Theory]
    [InlineData("192.0.2.0/24", "192.0.2.255", true)]
    [InlineData("192.0.2.0/24", "192.0.3.0", false)]
    [InlineData("::ffff:192.0.2.0/120", "192.0.2.1", true)]
    [InlineData("2001:db8::/127", "2001:db8::1", true)]
    [InlineData("2001:db8::/127", "2001:db8::2", false)]
    [InlineData("0.0.0.0/0", "2001:db8::1", false)]
    [InlineData("::/0", "192.0.2.1", false)]
    public void A_network_holds_its_addresses_up_to_the_edge(string text, string address, bool holds)
    {
        Networks.TryParse(text, out var network).ShouldBeTrue();
        Networks.Contains([network], IPAddress.Parse(address)).ShouldBe(holds);
    }
}
