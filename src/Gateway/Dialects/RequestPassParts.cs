using System.Text.Json;

namespace Crew.Gateway.Dialects;

/// <summary>The walk through messages and tools, for what the size of the body does not bound.</summary>
internal ref partial struct RequestPass
{
    /// <summary>
    /// Walks the messages for parts whose tokens the size of the body does not bound: a link of fifty bytes may be an image of
    /// a thousand tokens. Message members stand at depth 3, members of content parts and tool calls at depth 5.
    /// </summary>
    private void ReadMessages()
    {
        var depth = _reader.CurrentDepth;
        if (_reader.TokenType != JsonTokenType.StartArray)
        {
            SkipValue();
            return;
        }

        Span<byte> buffer = stackalloc byte[FieldName.MaxBytes];
        while (_reader.Read() && _reader.CurrentDepth > depth && !TooDeep())
        {
            if (_reader.TokenType != JsonTokenType.PropertyName || (_reader.CurrentDepth != depth + 2 && _reader.CurrentDepth != depth + 4))
            {
                continue;
            }

            var name = buffer[..FieldName.Read(ref _reader, buffer, out _)];
            var isPart = _reader.CurrentDepth == depth + 4;
            var isType = isPart && name.SequenceEqual("type"u8);
            var media = isPart ? RequestFields.IsMedia(name) : name.SequenceEqual("audio"u8);
            if (isType || media)
            {
                _reader.Read();
                media = !TooDeep() && (isType ? !IsTextual(buffer) : _reader.TokenType != JsonTokenType.Null);
            }

            _features |= media ? RequestFeatures.MediaInput : RequestFeatures.None;
            if (_fault is not null)
            {
                return;
            }
        }
    }

    private bool IsTextual(scoped Span<byte> buffer) =>
        _reader.TokenType == JsonTokenType.String && RequestFields.IsTextual(buffer[..FieldName.Read(ref _reader, buffer, out _)]);

    /// <summary>
    /// Looks at the type of each declared tool, a member at depth 3. What the client runs itself costs nothing beside its tokens;
    /// anything else, and a tool that does not say what it is, is run by the provider.
    /// </summary>
    private void ReadTools()
    {
        _features |= _reader.TokenType == JsonTokenType.Null ? RequestFeatures.None : RequestFeatures.Tools;
        if (_reader.TokenType != JsonTokenType.StartArray)
        {
            SkipValue();
            return;
        }

        var (depth, isTyped) = (_reader.CurrentDepth, true);
        Span<byte> buffer = stackalloc byte[FieldName.MaxBytes];
        while (_reader.Read() && _reader.CurrentDepth > depth && !TooDeep())
        {
            if (_reader.CurrentDepth == depth + 1)
            {
                // A tool begins or ends here; at its end it must have had a type.
                _features |= isTyped ? RequestFeatures.None : RequestFeatures.HostedTools;
                isTyped = _reader.TokenType == JsonTokenType.EndObject;
            }
            else if (_reader.CurrentDepth == depth + 2 && _reader.TokenType == JsonTokenType.PropertyName
                && buffer[..FieldName.Read(ref _reader, buffer, out _)].SequenceEqual("type"u8))
            {
                _reader.Read();
                isTyped = !TooDeep() && IsClientTool(buffer);
                _features |= isTyped ? RequestFeatures.None : RequestFeatures.HostedTools;
            }
        }

        _features |= isTyped ? RequestFeatures.None : RequestFeatures.HostedTools;
    }

    private bool IsClientTool(scoped Span<byte> buffer) => _reader.TokenType == JsonTokenType.String
        && buffer[..FieldName.Read(ref _reader, buffer, out _)] is var type && (type.SequenceEqual("function"u8) || type.SequenceEqual("custom"u8));
}
