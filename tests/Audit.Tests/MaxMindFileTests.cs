using System.Net;
using Crew.Audit.Contracts;
using Crew.Audit.Places;

namespace Crew.Audit.Tests;

/// <summary>The reader of the operator's file of places, held against files that were written from the specification.</summary>
public sealed class MaxMindFileTests
{
    [Theory]
    [InlineData(24, true)]
    [InlineData(28, true)]
    [InlineData(32, true)]
    [InlineData(24, false)]
    [InlineData(28, false)]
    [InlineData(32, false)]
    public void The_country_of_an_address_is_found_by_the_longest_network(int recordBits, bool isIpv6)
    {
        var writer = new MaxMindWriter(recordBits, isIpv6).Add("203.0.113.0/24", "DE").Add("198.51.100.0/25", "FR").Add("198.51.100.128/25", "CH", fillers: 4).Add("192.0.2.7/32", "AT");
        if (isIpv6)
        {
            writer.Add("2001:db8:1::/48", "NO").Add("2001:db8:2::/47", "SE");
        }

        using var file = Opened(writer.ToBytes());
        Of(file, "203.0.113.77").ShouldBe("DE");
        Of(file, "198.51.100.127").ShouldBe("FR");
        Of(file, "198.51.100.128").ShouldBe("CH");
        Of(file, "192.0.2.7").ShouldBe("AT");
        Of(file, "192.0.2.8").ShouldBeNull();
        Of(file, "10.0.0.1").ShouldBeNull();
        Of(file, "::ffff:203.0.113.1").ShouldBe("DE");
        Of(file, "2001:db8:1::1").ShouldBe(isIpv6 ? "NO" : null);
        Of(file, "2001:db8:3::1").ShouldBe(isIpv6 ? "SE" : null);
        Of(file, "2001:db8:4::1").ShouldBeNull();
    }

    [Fact]
    public void Values_far_into_the_file_are_reached_by_every_width_of_pointer()
    {
        var writer = new MaxMindWriter(28, isIpv6: true);
        for (var network = 0; network < 1_200; network++)
        {
            writer.Add($"10.{network / 250}.{network % 250}.0/24", $"{(char)('A' + (network % 26))}{(char)('A' + (network / 26 % 26))}", fillers: 2);
        }

        using var file = Opened(writer.ToBytes());
        for (var network = 0; network < 1_200; network++)
        {
            Of(file, $"10.{network / 250}.{network % 250}.9").ShouldBe($"{(char)('A' + (network % 26))}{(char)('A' + (network / 26 % 26))}");
        }
    }

    [Fact]
    public void A_file_that_is_cut_or_changed_anywhere_gives_an_answer_or_a_refusal_and_never_hangs()
    {
        var whole = new MaxMindWriter(24, isIpv6: true).Add("203.0.113.0/24", "DE").Add("2001:db8::/32", "NO", fillers: 1).ToBytes();
        for (var length = 0; length < whole.Length; length += 7)
        {
            Tried(whole[..length]);
        }

        var random = new Random(4711);
        for (var trial = 0; trial < 3_000; trial++)
        {
            var changed = (byte[])whole.Clone();
            for (var flip = 0; flip <= trial % 3; flip++)
            {
                changed[random.Next(changed.Length)] = (byte)random.Next(256);
            }

            Tried(changed);
        }
    }

    [Fact]
    public void A_file_that_is_none_is_refused_with_a_sentence()
    {
        var path = Path.GetTempFileName();
        File.WriteAllText(path, "no such file of places");
        PlaceFile.Open(path).Fault!.Code.ShouldBe("geo_file_unreadable");
        PlaceFile.Open(path + ".missing").Fault!.Code.ShouldBe("geo_file_unreadable");
        File.WriteAllText(path, "");
        PlaceFile.Open(path).Fault!.Message.ShouldContain("CREW_GEO_FILE");
        File.Delete(path);
    }

    [Theory]
    [InlineData("203.0.113.77", "network:203.0.113.0/24")]
    [InlineData("::ffff:203.0.113.9", "network:203.0.113.0/24")]
    [InlineData("2001:db8:1:2::3", "network:2001:db8:1::/48")]
    public void Without_a_file_a_place_is_a_network(string address, string place) => new PlaceNames(null).Of(address).ShouldBe((place, null));

    [Fact]
    public void What_is_no_address_is_no_place() => new PlaceNames(null).Of("somewhere").ShouldBeNull();

    private static void Tried(byte[] bytes)
    {
        try
        {
            using var file = Opened(bytes);
            foreach (var address in new[] { "203.0.113.1", "2001:db8::1", "10.0.0.1" })
            {
                try
                {
                    Of(file, address);
                }
                catch (InvalidDataException)
                {
                    // Refused at that place.
                }
            }
        }
        catch (InvalidDataException)
        {
            // Refused as a whole.
        }
    }

    private static string? Of(MaxMindFile file, string address) => file.CountryOf(IPAddress.Parse(address));

    private static MaxMindFile Opened(byte[] bytes)
    {
        var path = Path.GetTempFileName();
        File.WriteAllBytes(path, bytes);
        try
        {
            return MaxMindFile.Open(path);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
