using System.Globalization;
using System.Text;
using QRCoder;

namespace Crew.Identity.Mfa;

/// <summary>A QR code as a picture inside the page: nothing is loaded, and no service sees the secret.</summary>
internal static class QrPicture
{
    public static string Svg(string text)
    {
        using var generator = new QRCodeGenerator();
        using var code = generator.CreateQrCode(text, QRCodeGenerator.ECCLevel.M);
        var modules = code.ModuleMatrix;
        var path = new StringBuilder();
        for (var row = 0; row < modules.Count; row++)
        {
            for (var column = 0; column < modules[row].Length; column++)
            {
                if (modules[row][column])
                {
                    path.Append(CultureInfo.InvariantCulture, $"M{column} {row}h1v1h-1z");
                }
            }
        }

        var size = modules.Count.ToString(CultureInfo.InvariantCulture);
        return $"""<svg class="qr" viewBox="0 0 {size} {size}" role="img" aria-label="The secret as a QR code" shape-rendering="crispEdges"><path d="{path}"/></svg>""";
    }
}
