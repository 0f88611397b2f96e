using System.Text;
using Shouldly;
using Xunit;

namespace Crew.Testing.Tests;

public sealed class ByteScanTests
{
    private const string Marker = "canary-7f3a>?~b91c";

    [Theory]
    [InlineData("plain")]
    [InlineData("utf16")]
    [InlineData("hex")]
    public void A_marker_is_found_in_each_encoding(string encoding)
    {
        var bytes = encoding switch
        {
            "utf16" => Encoding.Unicode.GetBytes("…" + Marker + "…"),
            "hex" => Encoding.ASCII.GetBytes(Convert.ToHexStringLower(Encoding.UTF8.GetBytes("x" + Marker))),
            _ => Encoding.UTF8.GetBytes("{\"x\":\"" + Marker + "\"}"),
        };
        ByteScan.For(Marker).Bytes(bytes, "memory").ShouldNotBeEmpty();
    }

    [Fact]
    public void A_marker_is_found_in_base64_wherever_it_begins_and_ends()
    {
        var scan = ByteScan.For(Marker);
        for (var before = 0; before < 7; before++)
        {
            for (var after = 0; after < 4; after++)
            {
                var bytes = Encoding.UTF8.GetBytes(new string('p', before) + Marker + new string('q', after));
                scan.Text(Convert.ToBase64String(bytes), "standard").ShouldNotBeEmpty();
                scan.Text(System.Buffers.Text.Base64Url.EncodeToString(bytes), "url").ShouldNotBeEmpty();
            }
        }
    }

    [Fact]
    public void Files_are_scanned_across_block_borders_and_reported_once()
    {
        var folder = Directory.CreateTempSubdirectory("crew-scan-").FullName;
        try
        {
            var bytes = new byte[(1 << 20) + 500];
            Encoding.UTF8.GetBytes(Marker).CopyTo(bytes, (1 << 20) - 5);
            File.WriteAllBytes(Path.Combine(folder, "database"), bytes);
            File.WriteAllText(Path.Combine(folder, "innocent"), "nothing of note");

            var hit = ByteScan.For("another-marker-entirely", Marker).Folder(folder).ShouldHaveSingleItem();
            hit.Offset.ShouldBe((1 << 20) - 5);
            hit.Marker.ShouldBe(1);
            hit.ToString().ShouldNotContain(Marker);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
