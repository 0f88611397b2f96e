using System.Text.Json;
using Crew.Gateway.Forwarding;
using Crew.Kernel;

namespace Crew.Gateway.Dialects.OpenAi;

/// <summary>Finds the model, and whether a stream is asked for, in a JSON body of which nothing else is read.</summary>
internal static class ModelScan
{
    private const int MaximumDepth = 64;

    public static Outcome<InferenceRequest> Read(ReadOnlySpan<byte> body)
    {
        var reader = new Utf8JsonReader(body, new JsonReaderOptions { MaxDepth = MaximumDepth });
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                return GatewayFaults.NotAnObject;
            }

            var root = (int)reader.TokenStartIndex;
            (string? Model, ByteRange At, FlagField? Stream) found = default;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var name = reader.GetString()!;
                var at = reader.TokenStartIndex;
                reader.Read();
                if (Take(name, at, ref reader, ref found) is { } wrong)
                {
                    return wrong;
                }
            }

            // Whatever follows the closing brace makes it no single object.
            reader.Read();
            return found.Model is null ? GatewayFaults.MissingField("model")
                : new InferenceRequest { Model = found.Model, ModelAt = found.At, RootAt = root, BodyBytes = body.Length, StreamField = found.Stream };
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

    private static Fault? Take(string name, long at, ref Utf8JsonReader reader, ref (string? Model, ByteRange At, FlagField? Stream) found)
    {
        if (CheckName(name, at) is { } unclear && !(name is "models" or "fallbacks" && reader.TokenType == JsonTokenType.Null))
        {
            return unclear;
        }

        if ((name == "model" && found.Model is not null) || (name == "stream" && found.Stream is not null))
        {
            return GatewayFaults.RepeatedField(name, at);
        }

        var start = (int)reader.TokenStartIndex;
        switch (name)
        {
            case "model" when reader.TokenType != JsonTokenType.String || !RequestScan.IsModelName(reader.GetString()!):
                return GatewayFaults.Field("model", at, RequestScan.ModelRule);
            case "model":
                (found.Model, found.At) = (reader.GetString(), new ByteRange(start, (int)reader.BytesConsumed - start));
                break;
            case "stream" when reader.TokenType is JsonTokenType.True or JsonTokenType.False or JsonTokenType.Null:
                found.Stream = new FlagField(
                    reader.TokenType == JsonTokenType.Null ? null : reader.TokenType == JsonTokenType.True, new ByteRange(start, (int)reader.BytesConsumed - start));
                break;
            case "stream":
                return GatewayFaults.Field("stream", at, "must be true or false.");
            default:
                reader.Skip();
                break;
        }

        return null;
    }
}
