using System.Text.Json;
using Crew.Gateway.Metering;

namespace Crew.Gateway.Dialects;

/// <summary>What of a request multiplies or changes its price.</summary>
internal ref partial struct RequestPass
{
    /// <summary>More prompts than providers take in one request.</summary>
    private const int MaxPrompts = 2_048;

    private void ReadTier()
    {
        _tierSeen = true;
        Span<byte> buffer = stackalloc byte[FieldName.MaxBytes];
        var isWord = _reader.TokenType == JsonTokenType.String && !_reader.ValueIsEscaped;
        var word = isWord ? buffer[..FieldName.Read(ref _reader, buffer, out _)] : default;
        var isListed = _reader.TokenType == JsonTokenType.Null || (isWord && RequestFields.IsListedTier(_operation, word));
        _tier = _reader.TokenType == JsonTokenType.Null ? ServiceTier.Unsaid : isWord ? ServiceTiers.Of(word) : ServiceTier.Other;
        _features |= isListed ? RequestFeatures.None : RequestFeatures.NamedTier;
        SkipValue();
    }

    private void ReadModalities()
    {
        // Anything but text, however it is written, has a price of its own.
        var depth = _reader.CurrentDepth;
        var ends = _reader.TokenType is not JsonTokenType.StartArray;
        while (_reader.TokenType != JsonTokenType.Null && !(_reader.TokenType == JsonTokenType.EndArray && _reader.CurrentDepth == depth))
        {
            var isText = _reader.TokenType == JsonTokenType.String && !_reader.ValueIsEscaped && _reader.ValueTextEquals("text"u8);
            if (!isText && _reader.TokenType != JsonTokenType.StartArray)
            {
                _features |= RequestFeatures.AudioOutput;
                SkipValue();
            }

            if (ends || _fault is not null)
            {
                return;
            }

            _reader.Read();
        }
    }

    /// <summary>
    /// The prompts of a completion, each of which is answered: a text, tokens, or a list of either. What is none of them has no bound.
    /// </summary>
    private void ReadPrompts()
    {
        if (_promptsSeen)
        {
            // Two readers might take different ones.
            _features |= RequestFeatures.MediaInput;
        }

        _promptsSeen = true;
        if (_reader.TokenType != JsonTokenType.StartArray)
        {
            _features |= _reader.TokenType is JsonTokenType.String or JsonTokenType.Null ? RequestFeatures.None : RequestFeatures.MediaInput;
            SkipValue();
            return;
        }

        var (depth, lists) = (_reader.CurrentDepth, 0);
        while (!TooDeep() && _reader.Read() && _reader.CurrentDepth > depth)
        {
            var isItem = _reader.CurrentDepth == depth + 1;
            lists += isItem && _reader.TokenType is JsonTokenType.String or JsonTokenType.StartArray ? 1 : 0;
            _features |= _reader.TokenType is JsonTokenType.StartObject ? RequestFeatures.MediaInput : RequestFeatures.None;
        }

        _prompts = Math.Clamp(lists, 1, MaxPrompts);
        _features |= lists > MaxPrompts ? RequestFeatures.MediaInput : RequestFeatures.None;
    }

    /// <summary>
    /// A part of a message that is a picture counts once, by its type or by its member, and its bytes are not read as text. A part ends where
    /// the next object of its level begins.
    /// </summary>
    /// <param name="name">The member that the reader stands on.</param>
    private void NoteImage(scoped ReadOnlySpan<byte> name)
    {
        if (!name.IsEmpty && PassPicture() == JsonTokenType.Null)
        {
            return;
        }

        if (!_isImagePart)
        {
            _isImagePart = true;
            _images++;
        }

        _features |= RequestFeatures.ImageInput;
    }

    /// <summary>Takes the member's value for a picture's bytes. Looked at ahead, so that the walk meets what stands inside.</summary>
    private JsonTokenType PassPicture()
    {
        var ahead = _reader;
        ahead.Read();
        var (start, kind) = (ahead.TokenStartIndex, ahead.TokenType);
        ahead.Skip();
        _imageBytes += ahead.BytesConsumed - start;
        return kind;
    }
}
