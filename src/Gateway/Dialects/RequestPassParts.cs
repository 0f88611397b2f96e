using System.Text.Json;

namespace Crew.Gateway.Dialects;

/// <summary>The walk through messages and tools, for what the size of the body does not bound.</summary>
internal ref partial struct RequestPass
{
    /// <summary>
    /// Walks the messages for parts whose tokens the size of the body does not bound: a link of fifty bytes may be an image of
    /// a thousand tokens. Message members stand at depth 3, members of content parts and tool calls at depth 5, those of the parts of a
    /// tool's result at depth 7.
    /// </summary>
    private void ReadMessages()
    {
        var depth = _reader.CurrentDepth;
        if (_reader.TokenType != JsonTokenType.StartArray)
        {
            // A text, or what a lenient reader takes for a list of one.
            _features |= _reader.TokenType == JsonTokenType.StartObject ? RequestFeatures.MediaInput : RequestFeatures.None;
            SkipValue();
            return;
        }

        var (isNested, isNamed) = (false, true);
        Span<byte> buffer = stackalloc byte[FieldName.MaxBytes];
        while (_fault is null && _reader.Read() && _reader.CurrentDepth > depth && !TooDeep())
        {
            NoteCacheTime();
            var level = _reader.CurrentDepth - depth;
            _isImagePart &= !(_reader.TokenType == JsonTokenType.StartObject && level is 1 or 3 or 5);
            if (_operation == Operation.Responses && level == 1)
            {
                // An item begins or ends here; at its end it must have said what it is.
                EndItem(isNamed);
                isNamed = _reader.TokenType == JsonTokenType.EndObject;
            }

            if (_fault is not null || _reader.TokenType != JsonTokenType.PropertyName || !(level is 2 or 4 || (level == 6 && isNested)))
            {
                continue;
            }

            var name = buffer[..FieldName.Read(ref _reader, buffer, out _)];
            _features |= level == 2 && name.SequenceEqual("content"u8) && IsObjectNext() ? RequestFeatures.MediaInput : RequestFeatures.None;
            if (_operation == Operation.Responses && level == 2)
            {
                isNamed |= name.SequenceEqual("role"u8) || TakeItemType(name, buffer);
                continue;
            }

            if (level == 4)
            {
                // What a tool gave back may hold parts in turn.
                isNested = name.SequenceEqual("content"u8);
            }

            TakePartMember(name, buffer, isPart: level > 2);
        }
    }

    private void TakePartMember(scoped ReadOnlySpan<byte> name, scoped Span<byte> buffer, bool isPart)
    {
        if (isPart && RequestFields.IsImage(name))
        {
            NoteImage(name);
            return;
        }

        if (isPart && _operation == Operation.Messages && name.SequenceEqual("source"u8))
        {
            // What is no image has no bound anyway.
            PassPicture();
            return;
        }

        var isType = isPart && name.SequenceEqual("type"u8);
        var media = isPart ? RequestFields.IsMedia(name) : name.SequenceEqual("audio"u8);
        if (isType || media)
        {
            _reader.Read();
            if (isType && _reader.TokenType == JsonTokenType.String
                && RequestFields.IsImageType(buffer[..FieldName.Read(ref _reader, buffer, out _)]))
            {
                NoteImage(default);
                return;
            }

            media = !TooDeep() && (isType ? !IsTextual(buffer) : _reader.TokenType != JsonTokenType.Null);
        }

        _features |= media ? RequestFeatures.MediaInput : RequestFeatures.None;
    }

    /// <summary>
    /// What stands in place of stored items cannot be resolved; items that are no text have a price that the body does not bound. True for
    /// an item's type.
    /// </summary>
    private bool TakeItemType(scoped ReadOnlySpan<byte> name, scoped Span<byte> buffer)
    {
        if (!name.SequenceEqual("type"u8))
        {
            return false;
        }

        _reader.Read();
        var isType = !TooDeep() && _reader.TokenType == JsonTokenType.String;
        var type = isType ? buffer[..FieldName.Read(ref _reader, buffer, out _)] : default;
        if (type.SequenceEqual("item_reference"u8))
        {
            _fault = GatewayFaults.NeedsState("input[].type", Offset);
        }

        _features |= RequestFields.IsTextualItem(type) ? RequestFeatures.None : RequestFeatures.MediaInput;
        return isType;
    }

    /// <summary>An item without a type and a role is a reference: providers take a bare <c>{"id":"rs_…"}</c> for what they have stored under it.</summary>
    private void EndItem(bool isNamed)
    {
        if (_reader.TokenType == JsonTokenType.EndObject && !isNamed)
        {
            _fault ??= GatewayFaults.NeedsState("input[].type", Offset);
        }
    }

    /// <summary>Texts and tokens are bounded by their own bytes; anything that is an object may be a picture.</summary>
    private void ReadEmbeddingInput()
    {
        var depth = _reader.CurrentDepth;
        while (true)
        {
            _features |= _reader.TokenType == JsonTokenType.StartObject ? RequestFeatures.MediaInput : RequestFeatures.None;
            if (TooDeep() || _reader.CurrentDepth <= depth && _reader.TokenType is not (JsonTokenType.StartArray or JsonTokenType.StartObject))
            {
                return;
            }

            _reader.Read();
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
            _features |= _reader.TokenType == JsonTokenType.StartObject ? RequestFeatures.HostedTools : RequestFeatures.None;
            SkipValue();
            return;
        }

        // Where the dialect has a default type, a tool that names none is the client's own.
        var hasDefault = _operation == Operation.Messages;
        var (depth, isTyped) = (_reader.CurrentDepth, true);
        Span<byte> buffer = stackalloc byte[FieldName.MaxBytes];
        while (_reader.Read() && _reader.CurrentDepth > depth && !TooDeep())
        {
            NoteCacheTime();
            if (_reader.CurrentDepth == depth + 1)
            {
                // A tool begins or ends here; at its end it must have had a type.
                _features |= isTyped ? RequestFeatures.None : RequestFeatures.HostedTools;
                isTyped = hasDefault || _reader.TokenType == JsonTokenType.EndObject;
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
        && RequestFields.IsClientTool(buffer[..FieldName.Read(ref _reader, buffer, out _)]);

    /// <summary>A thinking budget must stay below the output cap.</summary>
    private void ReadThinking()
    {
        if (_reader.TokenType != JsonTokenType.StartObject)
        {
            SkipValue();
            return;
        }

        Span<byte> buffer = stackalloc byte[FieldName.MaxBytes];
        while (_fault is null && _reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            var isBudget = buffer[..FieldName.Read(ref _reader, buffer, out _)].SequenceEqual("budget_tokens"u8);
            _reader.Read();
            if (isBudget)
            {
                _leastOutputCap = ReadNumber(RequestField.BudgetTokens, int.MaxValue - 1) is { Value: { } budget } ? budget + 1 : 0;
            }
            else
            {
                SkipValue();
            }
        }
    }

    /// <summary>
    /// Clearing old parts costs nothing; any other edit of the context is work of the provider that the cap does not bound, and so is one that
    /// does not say what it is. Edits stand in <c>edits</c> at one endpoint, and as the list itself at the other.
    /// </summary>
    private void ReadContextManagement()
    {
        var (depth, edits) = (_reader.CurrentDepth, _operation == Operation.Responses ? 1 : 2);
        if (_reader.TokenType is not (JsonTokenType.StartObject or JsonTokenType.StartArray))
        {
            return;
        }

        var clears = edits == 2 || _reader.TokenType == JsonTokenType.StartArray;
        Span<byte> buffer = stackalloc byte[FieldName.MaxBytes];
        while (!TooDeep() && _reader.Read() && _reader.CurrentDepth > depth)
        {
            var level = _reader.CurrentDepth - depth;
            _features |= level < edits && _reader.TokenType == JsonTokenType.StartObject ? RequestFeatures.HostedTools : RequestFeatures.None;
            if (level == edits)
            {
                _features |= clears ? RequestFeatures.None : RequestFeatures.HostedTools;
                clears = _reader.TokenType == JsonTokenType.EndObject;
            }
            else if (level == edits + 1 && _reader.TokenType == JsonTokenType.PropertyName
                && buffer[..FieldName.Read(ref _reader, buffer, out _)].SequenceEqual("type"u8))
            {
                _reader.Read();
                clears = _reader.TokenType == JsonTokenType.String
                    && buffer[..FieldName.Read(ref _reader, buffer, out _)].StartsWith("clear_"u8);
                _features |= clears ? RequestFeatures.None : RequestFeatures.HostedTools;
            }
        }

        _features |= clears ? RequestFeatures.None : RequestFeatures.HostedTools;
    }

    /// <summary>A cache that keeps what is written for an hour is dearer to write; it is asked for by <c>ttl</c>, wherever that stands.</summary>
    private void NoteCacheTime()
    {
        if (_operation != Operation.Messages || _reader.TokenType != JsonTokenType.PropertyName)
        {
            return;
        }

        Span<byte> buffer = stackalloc byte[FieldName.MaxBytes];
        if (buffer[..FieldName.Read(ref _reader, buffer, out _)].SequenceEqual("ttl"u8))
        {
            // Looked at ahead, so that whoever walks here meets the value himself.
            var ahead = _reader;
            ahead.Read();
            var isShort = ahead.TokenType == JsonTokenType.String && !ahead.ValueIsEscaped && ahead.ValueTextEquals("5m"u8);
            _features |= isShort ? RequestFeatures.None : RequestFeatures.LongCache;
        }
    }

    private readonly bool IsText(ReadOnlySpan<byte> text) => _reader.TokenType == JsonTokenType.String && _reader.Is(text);

    private readonly bool IsObjectNext()
    {
        var ahead = _reader;
        return ahead.Read() && ahead.TokenType == JsonTokenType.StartObject;
    }

    private readonly bool IsEmptyArray()
    {
        var ahead = _reader;
        return _reader.TokenType == JsonTokenType.StartArray && ahead.Read() && ahead.TokenType == JsonTokenType.EndArray;
    }
}
