using System.Text;
using System.Text.Json;
using Crew.Gateway.Forwarding;
using Crew.Kernel;

namespace Crew.Gateway.Dialects.OpenAi;

/// <summary>
/// Finds the model, and whether a stream is asked for, in a JSON body that passes as it comes; and what it asks for in images or speech, where
/// every field of it is one that is known.
/// </summary>
internal ref struct ModelScan
{
    private const int MaximumDepth = 64;
    private const int MaximumImages = 1_024;
    private const int MaximumWord = 32;

    private readonly Operation _operation;
    private Utf8JsonReader _reader;
    private string? _model;
    private ByteRange _modelAt;
    private FlagField? _stream;
    private bool _isOpaque;
    private int? _images;
    private string? _size;
    private string? _quality;
    private long? _input;
    private long? _instructions;

    private ModelScan(ReadOnlySpan<byte> body, Operation operation)
    {
        _operation = operation;
        _reader = new Utf8JsonReader(body, new JsonReaderOptions { MaxDepth = MaximumDepth });
    }

    public static Outcome<InferenceRequest> Read(ReadOnlySpan<byte> body, Operation operation)
    {
        try
        {
            return new ModelScan(body, operation).Run(body.Length);
        }
        catch (JsonException broken)
        {
            return GatewayFaults.BrokenJson(broken.LineNumber ?? 0, broken.BytePositionInLine ?? 0);
        }
        catch (InvalidOperationException)
        {
            return GatewayFaults.BrokenJson(0, 0);
        }
    }

    /// <summary>What is wrong with a field of this name: other readers take it for a governed one, or it names further models.</summary>
    public static Fault? CheckName(string name, long at)
    {
        // Besides ASCII letters, some readers take the long s and the Kelvin sign for s and k.
        var folded = name.Replace('\u017F', 's').Replace('\u212A', 'k').ToLowerInvariant();
        return folded is "model" or "stream" or "models" or "fallbacks" && folded != name ? GatewayFaults.FieldVariant(folded, at)
            : name is "models" or "fallbacks" ? GatewayFaults.OtherModels(name, at)
            : null;
    }

    private Outcome<InferenceRequest> Run(int bodyBytes)
    {
        if (!_reader.Read() || _reader.TokenType != JsonTokenType.StartObject)
        {
            return GatewayFaults.NotAnObject;
        }

        var root = (int)_reader.TokenStartIndex;
        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = _reader.GetString()!;
            var at = _reader.TokenStartIndex;
            _reader.Read();
            if (Take(name, at) is { } wrong)
            {
                return wrong;
            }
        }

        // Whatever follows the closing brace makes it no single object.
        _reader.Read();
        return _model is null ? GatewayFaults.MissingField("model")
            : new InferenceRequest
            {
                Model = _model, ModelAt = _modelAt, RootAt = root, BodyBytes = bodyBytes, StreamField = _stream, Media = Media(),
            };
    }

    private readonly MediaAsk? Media() => _isOpaque ? null
        : _operation == Operation.ImageGenerations ? new MediaAsk(_images ?? 1, _size, _quality, 0)
        : _operation == Operation.Speech && _input is { } characters ? new MediaAsk(0, null, null, characters + (_instructions ?? 0))
        : null;

    private Fault? Take(string name, long at)
    {
        if (CheckName(name, at) is { } unclear && !(name is "models" or "fallbacks" && _reader.TokenType == JsonTokenType.Null))
        {
            return unclear;
        }

        if ((name == "model" && _model is not null) || (name == "stream" && _stream is not null) || (name == "n" && _images is not null))
        {
            return GatewayFaults.RepeatedField(name, at);
        }

        var start = (int)_reader.TokenStartIndex;
        switch (name)
        {
            case "model" when _reader.TokenType != JsonTokenType.String || !RequestScan.IsModelName(_reader.GetString()!):
                return GatewayFaults.Field("model", at, RequestScan.ModelRule);
            case "model":
                (_model, _modelAt) = (_reader.GetString(), new ByteRange(start, (int)_reader.BytesConsumed - start));
                break;
            case "stream" when _reader.TokenType is JsonTokenType.True or JsonTokenType.False or JsonTokenType.Null:
                _stream = new FlagField(
                    _reader.TokenType == JsonTokenType.Null ? null : _reader.TokenType == JsonTokenType.True, new ByteRange(start, (int)_reader.BytesConsumed - start));
                break;
            case "stream":
                return GatewayFaults.Field("stream", at, "must be true or false.");
            default:
                _isOpaque |= !(_operation == Operation.ImageGenerations ? TakeOfImages(name) : _operation == Operation.Speech && TakeOfSpeech(name));
                _reader.Skip();
                break;
        }

        return null;
    }

    /// <summary>False for a field that may change the price in a way that is not known here, and for a value that no provider should take.</summary>
    private bool TakeOfImages(string name)
    {
        switch (name)
        {
            case "prompt" or "background" or "moderation" or "output_format" or "output_compression" or "response_format" or "style" or "user":
                return true;
            case "n" when _reader.TokenType == JsonTokenType.Null:
                return true;
            case "n":
                var isCount = _reader.TokenType == JsonTokenType.Number && _reader.TryGetInt32(out var count) && (_images = count) is >= 1 and <= MaximumImages;
                _images ??= 1;
                return isCount;
            case "size":
                return TakeWord(ref _size);
            case "quality":
                return TakeWord(ref _quality);
            default:
                return _reader.TokenType == JsonTokenType.Null;
        }
    }

    private bool TakeOfSpeech(string name) => name switch
    {
        "voice" or "response_format" or "speed" or "stream_format" => true,
        "input" => TakeLength(ref _input),
        "instructions" => _reader.TokenType == JsonTokenType.Null || TakeLength(ref _instructions),
        _ => _reader.TokenType == JsonTokenType.Null,
    };

    private readonly bool TakeWord(ref string? word)
    {
        if (word is not null || _reader.TokenType is not (JsonTokenType.String or JsonTokenType.Null))
        {
            return false;
        }

        word = _reader.TokenType == JsonTokenType.String && _reader.ValueSpan.Length <= MaximumWord ? _reader.GetString() : null;
        return _reader.TokenType == JsonTokenType.Null || word is not null;
    }

    private readonly bool TakeLength(ref long? characters)
    {
        if (characters is not null || _reader.TokenType != JsonTokenType.String)
        {
            return false;
        }

        characters = _reader.ValueIsEscaped ? _reader.GetString()!.Length : Encoding.UTF8.GetCharCount(_reader.ValueSpan);
        return true;
    }
}
