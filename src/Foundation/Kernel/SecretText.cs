using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Crew.Kernel;

/// <summary>A secret in clear text. It refuses to print, log or serialise; only <see cref="Reveal"/> gives it away.</summary>
[DebuggerDisplay("(secret)")]
[JsonConverter(typeof(SecretTextJsonConverter))]
public sealed class SecretText(string value)
{
    private readonly string _value = value;

    public string Reveal() => _value;

    /// <summary>The last four characters, all that may ever be shown again.</summary>
    public string Last4 => _value.Length >= 12 ? _value[^4..] : "";

    public override string ToString() => "(secret)";
}

/// <summary>Reads a secret from a request; writing one is a bug and throws.</summary>
public sealed class SecretTextJsonConverter : JsonConverter<SecretText>
{
    public override SecretText? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.GetString() is { } text ? new SecretText(text) : null;

    public override void Write(Utf8JsonWriter writer, SecretText value, JsonSerializerOptions options) =>
        throw new NotSupportedException("A secret is never serialised. Reveal it at the one place that may show it.");
}
