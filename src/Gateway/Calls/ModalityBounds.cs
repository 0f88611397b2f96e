using Crew.Gateway.Catalogue;
using Crew.Gateway.Dialects;
using Crew.Gateway.Metering;

namespace Crew.Gateway.Calls;

/// <summary>
/// What a request can cost at most beside its text: pictures in prompts, spoken answers, images, speech, other service tiers. What bounds each
/// of them is the model's own: its prices, and the limits that its owner answers for.
/// </summary>
internal static class ModalityBounds
{
    public static WorstCase Of(Operation operation, InferenceRequest request, CatalogueModel model, int outputCap)
    {
        var (units, media, perImage) = (model.Prices?.Units, request.Media, model.MaxImageTokens);
        return new WorstCase(request.BodyBytes, outputCap, request.Choices, request.Features.HasFlag(RequestFeatures.Tools),
            request.Features.HasFlag(RequestFeatures.LongCache))
        {
            ImageBytes = perImage is null ? 0 : request.ImageBytes,
            ImageTokens = (long)request.Images * (perImage ?? 0),
            HasAudioOutput = request.Features.HasFlag(RequestFeatures.AudioOutput),
            HasImageOutput = MakesImages(operation),
            Tier = request.Tier,
            Images = media?.Images ?? 0,
            ImagePrice = MakesImages(operation) ? units?.ImageOf(media?.Size, media?.Quality) : null,
            IsImagePriceSure = media is { Size: not (null or "auto"), Quality: not (null or "auto") },
            TokensPerImage = media is { Images: > 0 } && IsByTokens(model.Prices) ? model.MaxOutputTokens ?? 0 : 0,
            Characters = media?.Characters ?? 0,
            IsHeard = operation is Operation.Transcriptions or Operation.Translations,
        };
    }

    /// <summary>Whether everything that the request asks for has a bound; else a strict budget refuses it.</summary>
    public static bool AreKnown(InferenceRequest request, CatalogueModel model, PriceList prices)
    {
        var bounded = RequestFeatures.Tools | RequestFeatures.LongCache;
        bounded |= prices.Base.AudioOutput is null ? RequestFeatures.None : RequestFeatures.AudioOutput;
        bounded |= model.MaxImageTokens is null ? RequestFeatures.None : RequestFeatures.ImageInput;
        bounded |= prices.Standard.Above.Count == 0 ? RequestFeatures.None : RequestFeatures.LongContext;
        bounded |= HasPriceOf(request.Tier, prices) ? RequestFeatures.NamedTier : RequestFeatures.None;
        bounded |= request.Media is { } media && IsBounded(media, model, prices) ? RequestFeatures.Unbounded : RequestFeatures.None;
        return (request.Features & ~bounded) == RequestFeatures.None;
    }

    private static bool HasPriceOf(ServiceTier tier, PriceList prices) => tier == ServiceTier.Unsaid ? prices.Tiers.Count > 0 : prices.Tiers.ContainsKey(tier);

    private static bool IsBounded(MediaAsk media, CatalogueModel model, PriceList prices) => media.Images > 0
        ? (IsByTokens(prices) && model.MaxOutputTokens is not null) || (!prices.HasTokens && prices.Units!.ImageOf(media.Size, media.Quality) is not null)
        : !prices.HasTokens && prices.Units!.Character is not null;

    /// <summary>Only a price of pictures says that the model's output cap is one for pictures.</summary>
    private static bool IsByTokens(PriceList? prices) => prices is { HasTokens: true, Units: null, Base.ImageOutput: not null };

    private static bool MakesImages(Operation operation) =>
        operation is Operation.ImageGenerations or Operation.ImageEdits or Operation.ImageVariations;
}
