using Crew.Testing;

namespace Crew.Clients.Tests;

/// <summary>A cell of the matrix: what a client does before one kind of provider. The names are those of the published page.</summary>
/// <param name="Client">The client and what it runs on.</param>
/// <param name="Name">What it does.</param>
/// <param name="Kind">The kind of provider behind the model.</param>
internal sealed record MatrixCase(string Client, string Name, string Kind)
{
    public const string Plain = "plain";
    public const string Stream = "stream";
    public const string Tools = "tools";
    public const string ParallelTools = "parallel tools";
    public const string Images = "images";
    public const string Embeddings = "embeddings";
    public const string Errors = "errors";
    public const string MidStreamError = "mid-stream error";
    public const string Retries = "retries";
    public const string Cancel = "cancel";
    public const string Idle = "long idle stream with pings";
    public const string Budget = "budget refusal";

    /// <summary>In the order of the page.</summary>
    public static readonly IReadOnlyList<string> Names =
        [Plain, Stream, Tools, ParallelTools, Images, Embeddings, Errors, MidStreamError, Retries, Cancel, Idle, Budget];

    public static readonly MockToolCall Oslo = new("get_weather", """{"place":"Oslo"}""");
    public static readonly MockToolCall Rome = new("get_weather", """{"place":"Rome"}""");
    public const string OsloRome = """[[tool=get_weather{"place":"Oslo"} tool=get_weather{"place":"Rome"}]]""";
    public const string Schema = """{"type":"object","properties":{"place":{"type":"string"}},"required":["place"]}""";

    /// <summary>A provider that says nothing for longer than a stream stays silent (0.3 s here), between two words or before the first.</summary>
    public const string Silent = "[[tokens=2 delay_ms=800]]";

    public static readonly MockBehavior Silence = new() { Text = "at last", CompletionTokens = 2, FirstByteDelayMs = 800 };

    /// <summary>A picture of one pixel.</summary>
    public const string Pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

    public override string ToString() => $"{Client} | {Name} | {Kind}";
}
