using System.Text.Json;
using Crew.Gateway.Metering;

namespace Crew.Gateway.Dialects.Anthropic;

/// <summary>
/// The <c>usage</c> of the Anthropic dialect, gathered over a stream: each object is cumulative and replaces what it names. Input, cache
/// reads and cache writes are disjoint there; thinking is part of the output, and told apart where the provider does.
/// </summary>
internal struct MessageUsage
{
    private bool _isBroken;
    private long? _input;
    private long? _cacheRead;
    private long? _cacheWrite;
    private long? _shortWrite;
    private long? _longWrite;
    private long? _output;
    private long? _thinking;

    /// <summary>Takes the object that the reader stands on and leaves the reader at its end.</summary>
    /// <exception cref="JsonException">The bytes are not valid JSON.</exception>
    public void Take(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
            return;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.Is("cache_creation"u8))
            {
                reader.Read();
                TakeParts(ref reader, "ephemeral_1h_input_tokens"u8, ref _longWrite, "ephemeral_5m_input_tokens"u8, ref _shortWrite);
            }
            else if (reader.Is("output_tokens_details"u8))
            {
                reader.Read();
                TakeParts(ref reader, "thinking_tokens"u8, ref _thinking, default, ref _thinking);
            }
            else if (reader.Is("input_tokens"u8))
            {
                Take(ref reader, ref _input);
            }
            else if (reader.Is("output_tokens"u8))
            {
                Take(ref reader, ref _output);
            }
            else if (reader.Is("cache_read_input_tokens"u8))
            {
                Take(ref reader, ref _cacheRead);
            }
            else if (reader.Is("cache_creation_input_tokens"u8))
            {
                Take(ref reader, ref _cacheWrite);
            }
            else
            {
                reader.Read();
                reader.Skip();
            }
        }
    }

    /// <summary>The counts; null where input or output is missing, or where a number cannot be.</summary>
    public readonly TokenCounts? ToCounts() => _output is { } output && Input() is { } counts 
        ? counts with { Output = output - Thinking(output), Reasoning = Thinking(output) }
        : null;

    /// <summary>The input alone, as it is known from the first event of a stream on.</summary>
    public readonly TokenCounts? Input()
    {
        if (_isBroken || _input is not { } input)
        {
            return null;
        }

        var parts = (_shortWrite ?? 0) + (_longWrite ?? 0);
        var writes = Math.Max(_cacheWrite ?? 0, parts);
        return new TokenCounts(input, _cacheRead ?? 0, writes, 0, 0) { LongCacheWrite = Math.Min(_longWrite ?? 0, writes) };
    }

    private readonly long Thinking(long output) => Math.Min(_thinking ?? 0, output);

    /// <summary>Takes one or two members out of the object that the reader stands on.</summary>
    private void TakeParts(ref Utf8JsonReader reader, ReadOnlySpan<byte> first, ref long? one, ReadOnlySpan<byte> second, ref long? other)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
            return;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.Is(first))
            {
                Take(ref reader, ref one);
            }
            else if (!second.IsEmpty && reader.Is(second))
            {
                Take(ref reader, ref other);
            }
            else
            {
                reader.Read();
                reader.Skip();
            }
        }
    }

    private void Take(ref Utf8JsonReader reader, ref long? number)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.Null)
        {
            return;
        }

        if (reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out var value) && value is >= 0 and <= TokenCounts.MaxPerClass)
        {
            number = value;
            return;
        }

        _isBroken = true;
        reader.Skip();
    }
}
