using System.Buffers;
using System.Text.Json;
using Crew.Gateway.Forwarding;
using Crew.Gateway.Metering;
using Crew.Kernel;

namespace Crew.Gateway.Dialects;

/// <summary>The state of one pass of <see cref="RequestScan"/>.</summary>
internal ref partial struct RequestPass
{
    private const string Whole = "must be a whole number without fraction or exponent,";

    private readonly int _bytes;
    private readonly Operation _operation;
    private Utf8JsonReader _reader;
    private Fault? _fault;
    private int _rootAt;
    private (string Value, ByteRange At)? _model;
    private FlagField? _stream;
    private FlagField? _store;
    private StreamOptionsField? _streamOptions;
    private NumberField? _maxTokens;
    private NumberField? _maxCompletionTokens;
    private NumberField? _n;
    private NumberField? _bestOf;
    private bool _tierSeen;
    private int _leastOutputCap;
    private RequestFeatures _features;
    private ServiceTier _tier;
    private int _images;
    private long _imageBytes;
    private int _prompts = 1;
    private bool _promptsSeen;
    private bool _isImagePart;

    public RequestPass(ReadOnlySequence<byte> body, Operation operation)
    {
        _operation = operation;
        _bytes = checked((int)body.Length);
        _reader = new Utf8JsonReader(body, new JsonReaderOptions { MaxDepth = RequestScan.MaxDepthLevels + 2 });
    }

    private readonly int Offset => (int)_reader.TokenStartIndex;

    private readonly ByteRange Token => new(Offset, (int)_reader.BytesConsumed - Offset);

    /// <exception cref="JsonException">The body is not valid JSON.</exception>
    public Outcome<InferenceRequest> Run()
    {
        _reader.Read();
        if (_reader.TokenType != JsonTokenType.StartObject)
        {
            SkipValue();
            _reader.Read();
            return _fault ?? GatewayFaults.NotAnObject;
        }

        _rootAt = Offset;
        Span<byte> buffer = stackalloc byte[FieldName.MaxBytes];
        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            var at = Offset;
            var length = FieldName.Read(ref _reader, buffer, out var isVariant);
            var governed = RequestFields.Find(_operation, buffer[..length]);
            if (governed == RequestField.Other && isVariant)
            {
                governed = RequestFields.FindJoined(_operation, buffer[..length]);
            }

            _reader.Read();
            if (governed != RequestField.Other && isVariant)
            {
                _fault = GatewayFaults.FieldVariant(RequestFields.Name(governed), at);
            }
            else
            {
                Take(governed, at);
            }

            if (_fault is not null)
            {
                return _fault;
            }
        }

        // Reading on past the closing brace makes the reader complain about anything but white space.
        _reader.Read();
        return Result();
    }

    private readonly Outcome<InferenceRequest> Result()
    {
        if (_model is not { } model)
        {
            return GatewayFaults.MissingField("model");
        }

        if (_maxTokens?.Value is { } old && _maxCompletionTokens?.Value is { } cap && old != cap)
        {
            return GatewayFaults.ConflictingCaps;
        }

        return new InferenceRequest
        {
            Model = model.Value,
            ModelAt = model.At,
            RootAt = _rootAt,
            BodyBytes = _bytes,
            StreamField = _stream,
            StreamOptions = _streamOptions,
            MaxTokens = _maxTokens,
            MaxCompletionTokens = _maxCompletionTokens,
            N = _n,
            BestOf = _bestOf,
            Store = _store,
            Features = _features,
            LeastOutputCap = _leastOutputCap,
            Tier = _tier,
            Images = _images,
            ImageBytes = _imageBytes,
            Prompts = _prompts,
        };
    }

    private void Take(RequestField field, int at)
    {
        switch (field)
        {
            case RequestField.Model when Once(_model is null, field, at):
                _model = ReadModel();
                break;
            case RequestField.Stream when Once(_stream is null, field, at):
                _stream = ReadFlag(field);
                break;
            case RequestField.Store when Once(_store is null, field, at):
                _store = ReadFlag(field);
                break;
            case RequestField.StreamOptions when Once(_streamOptions is null, field, at):
                _streamOptions = ReadStreamOptions();
                break;
            case RequestField.MaxTokens when Once(_maxTokens is null, field, at):
                _maxTokens = ReadNumber(field, int.MaxValue);
                break;
            case RequestField.MaxOutputTokens when Once(_maxTokens is null, field, at):
                _maxTokens = ReadNumber(field, int.MaxValue);
                break;
            case RequestField.MaxCompletionTokens when Once(_maxCompletionTokens is null, field, at):
                _maxCompletionTokens = ReadNumber(field, int.MaxValue);
                break;
            case RequestField.N when Once(_n is null, field, at):
                _n = ReadNumber(field, RequestScan.MaxChoices);
                break;
            case RequestField.BestOf when Once(_bestOf is null, field, at):
                _bestOf = ReadNumber(field, RequestScan.MaxChoices);
                break;
            case RequestField.ServiceTier when Once(!_tierSeen, field, at):
                ReadTier();
                break;
            default:
                TakeWalked(field);
                break;
        }
    }

    /// <summary>Fields that may stand more than once, because nothing is taken out of them that could differ.</summary>
    private void TakeWalked(RequestField field)
    {
        switch (field)
        {
            case RequestField.Messages or RequestField.Input:
                ReadMessages();
                break;
            case RequestField.EmbeddingInput:
                ReadEmbeddingInput();
                break;
            case RequestField.CompletionPrompt:
                ReadPrompts();
                break;
            case RequestField.PreviousResponse or RequestField.Conversation or RequestField.Background
                when _reader.TokenType is not (JsonTokenType.Null or JsonTokenType.False):
                _fault = GatewayFaults.NeedsState(RequestFields.Name(field), Offset);
                break;
            case RequestField.Modalities:
                ReadModalities();
                break;
            case RequestField.Thinking:
                ReadThinking();
                break;
            case RequestField.ContextManagement:
                ReadContextManagement();
                break;
            case RequestField.Tools:
                ReadTools();
                break;
            case RequestField.BilledWorkspace when _reader.TokenType != JsonTokenType.Null:
                Refuse(field, "says whom the provider bills, and the provider is not yours. Leave it out.");
                break;
            case RequestField.OtherModels or RequestField.Fallbacks when _reader.TokenType != JsonTokenType.Null:
                _fault = GatewayFaults.OtherModels(RequestFields.Name(field), Offset);
                break;
            default:
                TakeFeature(field);
                break;
        }
    }

    private void TakeFeature(RequestField field)
    {
        if (_fault is not null)
        {
            return;
        }

        if (_reader.TokenType is not (JsonTokenType.Null or JsonTokenType.False))
        {
            _features |= field switch
            {
                RequestField.Functions => RequestFeatures.Tools,
                RequestField.Audio => RequestFeatures.AudioOutput,
                RequestField.WebSearchOptions => RequestFeatures.WebSearch,
                RequestField.Prediction => RequestFeatures.Prediction,
                RequestField.Plugins or RequestField.SearchParameters or RequestField.EnableSearch or RequestField.DataSources
                    or RequestField.Container => RequestFeatures.HostedTools,
                RequestField.Prompt => RequestFeatures.MediaInput,
                RequestField.Echo => RequestFeatures.Prediction,
                RequestField.Provider or RequestField.Preset => RequestFeatures.PricedTier,
                RequestField.McpServers when !IsEmptyArray() => RequestFeatures.HostedTools,
                RequestField.Speed when !IsText("standard"u8) => RequestFeatures.PricedTier,
                RequestField.InferenceGeo when !IsText("global"u8) => RequestFeatures.PricedTier,
                _ => RequestFeatures.None,
            };
        }

        SkipValue();
    }

    private bool Once(bool first, RequestField field, int at)
    {
        _fault = first ? null : GatewayFaults.RepeatedField(RequestFields.Name(field), at);
        return first;
    }

    private void Refuse(RequestField field, string rule) => _fault = GatewayFaults.Field(RequestFields.Name(field), Offset, rule);

    private (string Value, ByteRange At)? ReadModel()
    {
        if (_reader.TokenType == JsonTokenType.String && Token.Length <= RequestScan.MaxModelCharacters * 6)
        {
            try
            {
                var model = _reader.GetString()!;
                if (RequestScan.IsModelName(model))
                {
                    return (model, Token);
                }
            }
            catch (InvalidOperationException)
            {
                // Half a surrogate pair is legal JSON, but no text; it is refused like any other malformed model.
            }
        }

        Refuse(RequestField.Model, RequestScan.ModelRule);
        return null;
    }

    private FlagField? ReadFlag(RequestField field)
    {
        switch (_reader.TokenType)
        {
            case JsonTokenType.True or JsonTokenType.False:
                return new FlagField(_reader.TokenType == JsonTokenType.True, Token);
            case JsonTokenType.Null:
                return new FlagField(null, Token);
            default:
                Refuse(field, "must be true or false.");
                return null;
        }
    }

    private NumberField? ReadNumber(RequestField field, int limit)
    {
        if (_reader.TokenType == JsonTokenType.Null)
        {
            return new NumberField(null, Token);
        }

        if (_reader.TokenType == JsonTokenType.Number && _reader.TryGetInt32(out var value) && value >= 1 && value <= limit)
        {
            return new NumberField(value, Token);
        }

        Refuse(field, $"{Whole} from 1 to {limit}.");
        return null;
    }

    private StreamOptionsField? ReadStreamOptions()
    {
        const RequestField Field = RequestField.StreamOptions;
        if (_reader.TokenType is JsonTokenType.Null)
        {
            return new StreamOptionsField(Token, true, false, null);
        }

        if (_reader.TokenType is not JsonTokenType.StartObject)
        {
            Refuse(Field, "must be an object such as {\"include_usage\":true}.");
            return null;
        }

        var (start, empty) = (Offset, true);
        FlagField? usage = null;
        Span<byte> buffer = stackalloc byte[FieldName.MaxBytes];
        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            empty = false;
            var at = Offset;
            var length = FieldName.Read(ref _reader, buffer, out var isVariant);
            _reader.Read();
            if (!buffer[..length].SequenceEqual("include_usage"u8))
            {
                SkipValue();
            }
            else if (isVariant)
            {
                _fault = GatewayFaults.FieldVariant(RequestFields.Name(RequestField.IncludeUsage), at);
            }
            else if (Once(usage is null, RequestField.IncludeUsage, at))
            {
                usage = ReadFlag(RequestField.IncludeUsage);
            }

            if (_fault is not null)
            {
                return null;
            }
        }

        return new StreamOptionsField(new ByteRange(start, (int)_reader.BytesConsumed - start), false, empty, usage);
    }

    private void SkipValue()
    {
        if (_reader.TokenType is not (JsonTokenType.StartObject or JsonTokenType.StartArray))
        {
            return;
        }

        var depth = _reader.CurrentDepth;
        while (!TooDeep() && _reader.Read() && _reader.CurrentDepth > depth)
        {
            NoteCacheTime();
        }
    }

    private bool TooDeep()
    {
        if (_reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray
            && _reader.CurrentDepth >= RequestScan.MaxDepthLevels)
        {
            _fault ??= GatewayFaults.TooDeep(RequestScan.MaxDepthLevels, Offset);
        }

        return _fault is not null;
    }
}
