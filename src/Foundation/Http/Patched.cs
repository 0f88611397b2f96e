using System.Text.Json;
using System.Text.Json.Serialization;

namespace Crew.Http;

/// <summary>
/// A field of a change that null takes away, so that null is told from being left out: <c>{}</c> leaves it, <c>{"field": null}</c> clears it.
/// </summary>
/// <param name="IsGiven">It stands in the body.</param>
/// <param name="Value">Null clears the field.</param>
[JsonConverter(typeof(PatchedConverter))]
public readonly record struct Patched<T>(bool IsGiven, T? Value)
{
    /// <summary>What holds after the change.</summary>
    public T? Over(T? before) => IsGiven ? Value : before;
}

/// <summary>Reads the field as its own type.</summary>
internal sealed class PatchedConverter : JsonConverterFactory
{
    public override bool CanConvert(Type typeToConvert) => typeToConvert.IsGenericType && typeToConvert.GetGenericTypeDefinition() == typeof(Patched<>);

    public override JsonConverter CreateConverter(Type typeToConvert, JsonSerializerOptions options) =>
        (JsonConverter)Activator.CreateInstance(typeof(Reader<>).MakeGenericType(typeToConvert.GetGenericArguments()))!;

    private sealed class Reader<T> : JsonConverter<Patched<T>>
    {
        public override bool HandleNull => true;

        public override Patched<T> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.TokenType == JsonTokenType.Null
            ? new Patched<T>(true, default)
            : new Patched<T>(true, ((JsonConverter<T>)options.GetConverter(typeof(T))).Read(ref reader, typeof(T), options));

        public override void Write(Utf8JsonWriter writer, Patched<T> value, JsonSerializerOptions options) =>
            throw new NotSupportedException("A change is read and never written.");
    }
}
