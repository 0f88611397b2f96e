using System.Text.Json;

namespace Crew.Gateway.Metering;

/// <summary>
/// Reads the <c>usage</c> object of the OpenAI dialect, where cached tokens, sound and pictures are part of <c>prompt_tokens</c>, and reasoning
/// and sound part of <c>completion_tokens</c>, and makes the classes disjoint. Providers that count otherwise are recognised by their total.
/// </summary>
internal static class UsageObject
{
    /// <summary>A year of sound: no request holds more.</summary>
    private const int MaxSeconds = 31_536_000;

    /// <summary>Reads the value that the reader stands on and leaves the reader at its end.</summary>
    /// <returns>The counts; null for <c>null</c>, for an object without counts and for numbers that cannot be. Zero is a count.</returns>
    /// <param name="hasOutput">False where the endpoint produces none; then no count of it is asked for.</param>
    /// <exception cref="JsonException">The bytes are not valid JSON.</exception>
    public static TokenCounts? Read(ref Utf8JsonReader reader, bool hasOutput = true)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
            return null;
        }

        var numbers = default(Numbers);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isOutput = IsOutputDetails(ref reader);
            var details = isOutput || IsInputDetails(ref reader);
            var member = details ? Member.Unknown : Find(ref reader, isOutput: null);
            reader.Read();
            if (details && reader.TokenType == JsonTokenType.StartObject)
            {
                while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
                {
                    var inner = Find(ref reader, isOutput);
                    reader.Read();
                    numbers.Take(inner, ref reader);
                }
            }
            else
            {
                numbers.Take(member, ref reader);
            }
        }

        return numbers.ToCounts(hasOutput);
    }

    /// <summary>Whole seconds of a number of them, begun ones in full; null for a number that cannot be.</summary>
    public static long? Seconds(ref Utf8JsonReader reader) =>
        reader.TryGetDecimal(out var seconds) && seconds is >= 0 and <= MaxSeconds ? (long)decimal.Ceiling(seconds) : null;

    private static bool IsInputDetails(ref Utf8JsonReader reader) => !reader.ValueIsEscaped
        && (reader.ValueTextEquals("prompt_tokens_details"u8) || reader.ValueTextEquals("input_tokens_details"u8)
            || reader.ValueTextEquals("input_token_details"u8));

    private static bool IsOutputDetails(ref Utf8JsonReader reader) => !reader.ValueIsEscaped
        && (reader.ValueTextEquals("completion_tokens_details"u8) || reader.ValueTextEquals("output_tokens_details"u8)
            || reader.ValueTextEquals("output_token_details"u8));

    /// <param name="isOutput">Of whose details the member is; null beside them.</param>
    private static Member Find(ref Utf8JsonReader reader, bool? isOutput)
    {
        if (reader.ValueIsEscaped)
        {
            return Member.Unknown;
        }

        return reader.ValueTextEquals("prompt_tokens"u8) || reader.ValueTextEquals("input_tokens"u8) ? Member.Prompt
            : reader.ValueTextEquals("completion_tokens"u8) || reader.ValueTextEquals("output_tokens"u8) ? Member.Completion
            : reader.ValueTextEquals("total_tokens"u8) ? Member.Total
            : reader.ValueTextEquals("cached_tokens"u8) || reader.ValueTextEquals("prompt_cache_hit_tokens"u8) ? Member.CacheRead
            : reader.ValueTextEquals("cache_write_tokens"u8) ? Member.CacheWrite
            : reader.ValueTextEquals("reasoning_tokens"u8) ? Member.Reasoning
            : isOutput is null ? (reader.ValueTextEquals("seconds"u8) ? Member.Seconds : Member.Unknown)
            : reader.ValueTextEquals("audio_tokens"u8) ? (isOutput.Value ? Member.AudioOutput : Member.AudioInput)
            : reader.ValueTextEquals("image_tokens"u8) ? (isOutput.Value ? Member.ImageOutput : Member.ImageInput)
            : Member.Unknown;
    }

    private enum Member
    {
        Unknown,
        Prompt,
        Completion,
        Total,
        CacheRead,
        CacheWrite,
        Reasoning,
        AudioInput,
        AudioOutput,
        ImageInput,
        ImageOutput,
        Seconds,
    }

    private struct Numbers
    {
        private bool _broken;
        private long? _prompt;
        private long? _completion;
        private long? _total;
        private long? _cacheRead;
        private long? _cacheWrite;
        private long? _reasoning;
        private long? _seconds;
        private long _audioInput;
        private long _audioOutput;
        private long _imageInput;
        private long _imageOutput;

        public void Take(Member member, ref Utf8JsonReader reader)
        {
            if (member == Member.Unknown || reader.TokenType == JsonTokenType.Null)
            {
                reader.Skip();
                return;
            }

            if (member == Member.Seconds && reader.TokenType == JsonTokenType.Number && UsageObject.Seconds(ref reader) is { } seconds)
            {
                _seconds = seconds;
                return;
            }

            if (reader.TokenType != JsonTokenType.Number || !TryWhole(ref reader, out var value))
            {
                _broken = true;
                reader.Skip();
                return;
            }

            switch (member)
            {
                case Member.Prompt: _prompt = value; break;
                case Member.Completion: _completion = value; break;
                case Member.Total: _total = value; break;
                case Member.CacheRead: _cacheRead = value; break;
                case Member.CacheWrite: _cacheWrite = value; break;
                case Member.AudioInput: _audioInput = value; break;
                case Member.AudioOutput: _audioOutput = value; break;
                case Member.ImageInput: _imageInput = value; break;
                case Member.ImageOutput: _imageOutput = value; break;
                default: _reasoning = value; break;
            }
        }

        private static bool TryWhole(ref Utf8JsonReader reader, out long value)
        {
            if (!reader.TryGetInt64(out value))
            {
                // Some servers write 12.0 for twelve.
                if (!reader.TryGetDecimal(out var number) || number != decimal.Truncate(number)
                    || number > TokenCounts.MaxPerClass || number < 0)
                {
                    return false;
                }

                value = (long)number;
            }

            return value is >= 0 and <= TokenCounts.MaxPerClass;
        }

        public readonly TokenCounts? ToCounts(bool hasOutput)
        {
            if (_broken)
            {
                return null;
            }

            // Two of prompt, completion and total give the third.
            var prompt = _prompt ?? (_total is { } t && _completion is { } c ? Math.Max(t - c, 0) : null);
            var completion = _completion ?? (_total is { } all && _prompt is { } p ? Math.Max(all - p, 0) : hasOutput ? null : 0L);
            if (prompt is not { } input || completion is not { } output)
            {
                return _seconds is { } heard && prompt is null && completion is null or 0 ? new TokenCounts { Seconds = heard } : null;
            }

            var cacheRead = _cacheRead ?? 0;
            var cacheWrite = _cacheWrite ?? 0;
            var reasoning = _reasoning ?? 0;
            var cached = cacheRead + cacheWrite;

            // Inclusive where it can be: a part that is larger than its whole was counted beside it. What only the total shows was
            // hidden reasoning. When in doubt, the larger number is charged.
            var (fresh, beside) = input >= cached ? (input - cached, 0) : (input, cached);
            var unnamed = _total is { } total ? Math.Max(total - input - beside - output, 0) : 0;
            var text = reasoning > output || (unnamed > 0 && unnamed >= reasoning)
                ? new TokenCounts(fresh, cacheRead, cacheWrite, output, Math.Max(reasoning, unnamed))
                : new TokenCounts(fresh, cacheRead, cacheWrite, output - reasoning, reasoning + unnamed);
            return WithMedia(text);
        }

        /// <summary>
        /// Takes sound and pictures out of the text that they are part of; what is cached counts as the dearer of both. A part that is larger
        /// than its whole was counted beside it.
        /// </summary>
        private readonly TokenCounts WithMedia(TokenCounts text)
        {
            var (fresh, cached, spoken) = (text.Input, text.CacheRead, text.Output);
            var heard = _audioInput + _imageInput;
            if (heard > 0 && heard <= fresh + cached)
            {
                var fromFresh = Math.Min(heard, fresh);
                (fresh, cached) = (fresh - fromFresh, cached - (heard - fromFresh));
            }

            var made = _audioOutput + _imageOutput;
            spoken = made <= spoken ? spoken - made : spoken;
            return text with
            {
                Input = fresh, CacheRead = cached, Output = spoken,
                AudioInput = _audioInput, ImageInput = _imageInput, AudioOutput = _audioOutput, ImageOutput = _imageOutput,
            };
        }
    }
}
