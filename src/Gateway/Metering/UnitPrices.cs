using System.Text.Json.Serialization;
using Crew.Kernel;

namespace Crew.Gateway.Metering;

/// <summary>What one image of a kind costs. A size or quality that is left out fits any.</summary>
internal sealed record ImagePrice(string? Size, string? Quality, string? Usd);

/// <summary>Prices by the unit as they are given and shown: texts of US dollars.</summary>
/// <param name="Image">An image that no line of <paramref name="Images"/> fits.</param>
/// <param name="Images">Images by size and quality; the first line that fits counts.</param>
/// <param name="Second">A second of sound that is heard.</param>
/// <param name="Character">A character that is spoken.</param>
internal sealed record UnitTexts(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Image,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<ImagePrice>? Images,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Second,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Character);

/// <summary>What models cost that are billed by images, seconds or characters, in nano-USD a unit.</summary>
internal sealed class UnitPrices
{
    private const int MaximumKinds = 64;
    private const int MaximumCharacters = 32;
    private const string At = "price_per_unit_usd";

    private readonly NanoUsd? _anyImage;
    private readonly IReadOnlyList<(string? Size, string? Quality, NanoUsd Price)> _images;

    private UnitPrices(UnitTexts given)
    {
        _anyImage = TokenPrices.Read(given.Image);
        _images = [.. (given.Images ?? []).Select(i => (i.Size, i.Quality, TokenPrices.Read(i.Usd)!.Value))];
        (Second, Character) = (TokenPrices.Read(given.Second), TokenPrices.Read(given.Character));
    }

    public NanoUsd? Second { get; }

    public NanoUsd? Character { get; }

    public bool HasImages => _anyImage is not null || _images.Count > 0;

    /// <summary>The price of an image that was asked for so; null where it is unknown. What the request leaves open may be the dearest.</summary>
    public NanoUsd? ImageOf(string? size, string? quality)
    {
        if (IsOpen(size) || IsOpen(quality))
        {
            var open = _images.Where(i => (IsOpen(size) || i.Size is null || i.Size == size) && (IsOpen(quality) || i.Quality is null || i.Quality == quality))
                .Select(i => i.Price);
            return (_anyImage is { } any ? open.Append(any) : open).Select(p => (NanoUsd?)p).Max();
        }

        foreach (var (itsSize, itsQuality, price) in _images)
        {
            if ((itsSize is null || itsSize == size) && (itsQuality is null || itsQuality == quality))
            {
                return price;
            }
        }

        return _anyImage;
    }

    /// <summary>As the API shows it: always nine decimals.</summary>
    public UnitTexts Show() => new(_anyImage?.ToString(), _images.Count == 0 ? null : [.. _images.Select(i => new ImagePrice(i.Size, i.Quality, i.Price.ToString()))],
        Second?.ToString(), Character?.ToString());

    public static Outcome<UnitPrices?> Parse(UnitTexts? given)
    {
        if (given is null)
        {
            return (UnitPrices?)null;
        }

        var lines = given.Images ?? [];
        (string, string?)[] single = [("image", given.Image), ("second", given.Second), ("character", given.Character)];
        foreach (var (name, text) in single.Concat(lines.Select(l => ("images.usd", (string?)(l?.Usd ?? "")))))
        {
            if (text is not null && TokenPrices.Read(text) is null)
            {
                return Faults.Invalid($"{At}.{name}", $"The price `{name}` must be a decimal text of US dollars a unit, at most 9 decimals, such as \"0.04\".");
            }
        }

        return lines.Count > MaximumKinds || lines.Any(l => l.Size?.Length > MaximumCharacters || l.Quality?.Length > MaximumCharacters)
            ? Faults.Invalid($"{At}.images", $"images takes at most {MaximumKinds} lines, whose size and quality have at most {MaximumCharacters} characters.")
            : given is { Image: null, Second: null, Character: null } && lines.Count == 0
            ? Faults.Invalid(At, "price_per_unit_usd must hold one of image, images, second and character.")
            : new UnitPrices(given);
    }

    private static bool IsOpen(string? asked) => asked is null or "auto";
}
