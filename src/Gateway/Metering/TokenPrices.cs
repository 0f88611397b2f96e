using System.Text.Json.Serialization;
using Crew.Kernel;

namespace Crew.Gateway.Metering;

/// <summary>What a million tokens of each class cost, in nano-USD. Reasoning costs what output costs.</summary>
internal sealed record TokenPrices(NanoUsd Input, NanoUsd Output, NanoUsd CacheRead, NanoUsd CacheWrite)
{
    /// <summary>Null is unknown: sound is several times dearer than text, so no other price stands in for it.</summary>
    public NanoUsd? AudioInput { get; init; }

    public NanoUsd? AudioOutput { get; init; }

    /// <summary>Null where pictures cost what text costs.</summary>
    public NanoUsd? ImageInput { get; init; }

    public NanoUsd? ImageOutput { get; init; }

    /// <summary>
    /// What is written for an hour instead of five minutes: 2 times the input price instead of 1.25 times
    /// (https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching), so 8/5 of the short one's. Where writing costs no more than
    /// reading, the provider has no such surcharge.
    /// </summary>
    public NanoUsd LongCacheWrite => CacheWrite.Value <= Input.Value ? CacheWrite : new(checked(((CacheWrite.Value * 8) + 4) / 5));

    /// <summary>The dearest that an input token can become, whatever class it turns out to be; what is kept for an hour aside.</summary>
    public NanoUsd DearestInput => Max(Input, Max(CacheRead, CacheWrite));

    /// <summary>The same, with what else a request may be billed at.</summary>
    public NanoUsd DearestInputOf(bool hasLongCache, bool hasImages)
    {
        var dearest = hasLongCache ? Max(DearestInput, LongCacheWrite) : DearestInput;
        return hasImages && ImageInput is { } image ? Max(dearest, image) : dearest;
    }

    /// <summary>The dearest that an output token can become.</summary>
    public NanoUsd DearestOutputOf(bool hasAudio, bool hasImages)
    {
        var dearest = hasAudio && AudioOutput is { } audio ? Max(Output, audio) : Output;
        return hasImages && ImageOutput is { } image ? Max(dearest, image) : dearest;
    }

    /// <summary>Whether each class that was used has a price.</summary>
    public bool Knows(in TokenCounts tokens) => (tokens.AudioInput == 0 || AudioInput is not null) && (tokens.AudioOutput == 0 || AudioOutput is not null);

    /// <summary>Millionths of a nano-USD. What has no price counts as text.</summary>
    public Int128 SumOf(in TokenCounts tokens) =>
        ((Int128)tokens.Input * Input.Value) + ((Int128)tokens.CacheRead * CacheRead.Value)
        + ((Int128)(tokens.CacheWrite - tokens.LongCacheWrite) * CacheWrite.Value) + ((Int128)tokens.LongCacheWrite * LongCacheWrite.Value)
        + ((Int128)tokens.AudioInput * (AudioInput ?? Input).Value) + ((Int128)tokens.ImageInput * (ImageInput ?? Input).Value)
        + ((Int128)(tokens.Output + tokens.Reasoning) * Output.Value)
        + ((Int128)tokens.AudioOutput * (AudioOutput ?? Output).Value) + ((Int128)tokens.ImageOutput * (ImageOutput ?? Output).Value);

    /// <summary>Reads what was given. A missing cache price is the input price; sound and pictures take over what <paramref name="below"/> says.</summary>
    /// <param name="given">US dollars per million tokens.</param>
    /// <param name="at">The field, for what is wrong with it.</param>
    /// <param name="below">The prices that these stand beside.</param>
    public static Outcome<TokenPrices> Parse(ClassPrices given, string at, TokenPrices? below = null)
    {
        foreach (var (name, text, needed) in given.Fields())
        {
            if ((needed || text is not null) && !NanoUsd.TryParse(text, out _))
            {
                return Faults.Invalid($"{at}.{name}",
                    $"The price `{name}` must be a decimal text of US dollars per million tokens, at most 9 decimals, such as \"2.50\".");
            }
        }

        var (input, output) = (Read(given.Input)!.Value, Read(given.Output)!.Value);
        return new TokenPrices(input, output, Read(given.CacheRead) ?? input, Read(given.CacheWrite) ?? input)
        {
            AudioInput = Read(given.AudioInput) ?? below?.AudioInput,
            AudioOutput = Read(given.AudioOutput) ?? below?.AudioOutput,
            ImageInput = Read(given.ImageInput) ?? below?.ImageInput,
            ImageOutput = Read(given.ImageOutput) ?? below?.ImageOutput,
        };
    }

    internal static NanoUsd? Read(string? text) => NanoUsd.TryParse(text, out var price) ? price : null;

    private static NanoUsd Max(NanoUsd one, NanoUsd other) => one > other ? one : other;
}

/// <summary>Prices as they are given and shown: texts of US dollars.</summary>
internal record ClassPrices(string? Input, string? Output, string? CacheRead, string? CacheWrite)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? AudioInput { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? AudioOutput { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? ImageInput { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? ImageOutput { get; init; }

    /// <summary>Each with its name, and whether it must be there.</summary>
    public IReadOnlyList<(string Name, string? Text, bool Needed)> Fields() =>
    [
        ("input", Input, true), ("output", Output, true), ("cache_read", CacheRead, false), ("cache_write", CacheWrite, false),
        ("audio_input", AudioInput, false), ("audio_output", AudioOutput, false), ("image_input", ImageInput, false), ("image_output", ImageOutput, false),
    ];
}
