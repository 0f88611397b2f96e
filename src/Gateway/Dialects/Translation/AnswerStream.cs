using System.Text.Encodings.Web;
using System.Text.Json;
using Crew.Gateway.Forwarding;
using Crew.Gateway.Metering;
using Crew.Kernel;

namespace Crew.Gateway.Dialects.Translation;

/// <summary>
/// Says an answer piece by piece in the client's dialect, as its provider's events come in. Calls of tools may take turns in some dialects;
/// where the client's has them one after the other, the later ones wait until the answer has finished.
/// </summary>
internal abstract class AnswerStream : IDisposable
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    private readonly ByteStore _said = new();
    private readonly Utf8JsonWriter _json;

    protected AnswerStream() => _json = new Utf8JsonWriter(_said, Options);

    /// <summary>What was said and not yet taken.</summary>
    public ReadOnlySpan<byte> Said => _said.Span;

    public bool IsOver { get; protected set; }

    /// <summary>What the provider has counted so far; written where the dialect has its place for it.</summary>
    public TokenCounts? Usage { get; set; }

    public void Taken() => _said.Clear();

    public abstract void Begin(string id, string model, long createdSeconds);

    public abstract void Text(string text);

    public abstract void Think(string text);

    /// <summary>Ends a piece of reasoning by its signature.</summary>
    public abstract void Sign(string signature);

    public abstract void Seal(string data);

    /// <param name="call">Any number that tells this call from the answer's others.</param>
    public abstract void OpenCall(int call, string id, string name);

    public abstract void Arguments(int call, string text);

    /// <summary>The provider will add no more; counts may follow.</summary>
    public abstract void Finish(StopReason stop);

    /// <summary>The closing frames.</summary>
    public abstract void End();

    /// <summary>A sign of life.</summary>
    public abstract void Ping();

    public abstract void Fail(Fault fault, string requestId);

    public void Dispose()
    {
        _json.Dispose();
        _said.Dispose();
    }

    protected void Raw(ReadOnlySpan<byte> bytes) => _said.Append(bytes);

    /// <summary>Writes one JSON object between what opens and what closes an event.</summary>
    protected void Object(ReadOnlySpan<byte> before, Action<Utf8JsonWriter> members)
    {
        _said.Append(before);
        _json.Reset(_said);
        _json.WriteStartObject();
        members(_json);
        _json.WriteEndObject();
        _json.Flush();
        _said.Append("\n\n"u8);
    }
}
