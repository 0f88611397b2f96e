using Crew.Gateway.Metering;

namespace Crew.Gateway.Dialects.Translation;

/// <summary>A piece of a turn. What a dialect has beyond these kinds is not carried: its reader refuses it by name.</summary>
internal abstract record Part;

internal sealed record TextPart(string Text) : Part;

/// <summary>A picture: its bytes in base64 with their media type, or an address.</summary>
internal sealed record ImagePart(string? MediaType, string? Data, string? Url) : Part;

/// <summary>Reasoning that is shown; the signature is the provider's own and goes back to it unchanged.</summary>
internal sealed record ThinkingPart(string Text, string? Signature) : Part;

/// <summary>Reasoning that only its provider can read.</summary>
internal sealed record SealedThinkingPart(string Data) : Part;

/// <summary>A call of a tool.</summary>
/// <param name="Arguments">A JSON object, as the text in which it was written.</param>
internal sealed record CallPart(string Id, string Name, string Arguments) : Part;

/// <summary>What a tool gave back.</summary>
internal sealed record ResultPart(string CallId, IReadOnlyList<Part> Content, bool IsError) : Part;

/// <summary>What one side said until the other one spoke.</summary>
internal sealed record Turn(bool IsAssistant, IReadOnlyList<Part> Parts);

/// <summary>A tool that the client runs.</summary>
/// <param name="Schema">The JSON schema of its arguments, as text.</param>
internal sealed record Tool(string Name, string? Description, string Schema, bool? IsStrict);

/// <summary>A form that the answer must have.</summary>
/// <param name="Type"><c>json_object</c> or <c>json_schema</c>; the rest goes with the latter.</param>
/// <param name="Schema">The JSON schema, as text.</param>
internal sealed record OutputFormat(string Type, string? Name, string? Description, string? Schema, bool? IsStrict);

internal enum ToolUse
{
    Auto,
    None,
    Any,
    One,
}

/// <summary>Whether tools may or must be called; <paramref name="Name"/> goes with <see cref="ToolUse.One"/>.</summary>
internal readonly record struct ToolChoice(ToolUse Use, string? Name);

/// <summary>A request as all dialects understand it. Numbers stay in the text in which they were written.</summary>
internal sealed record Conversation
{
    public IReadOnlyList<string> System { get; init; } = [];

    /// <summary>Consecutive messages of one side are one turn, as providers read them.</summary>
    public IReadOnlyList<Turn> Turns { get; init; } = [];

    public IReadOnlyList<Tool> Tools { get; init; } = [];

    public ToolChoice? Choice { get; init; }

    public bool? IsParallel { get; init; }

    public string? Temperature { get; init; }

    public string? TopP { get; init; }

    public IReadOnlyList<string> Stop { get; init; } = [];

    public string? User { get; init; }

    /// <summary><c>low</c>, <c>medium</c>, <c>high</c> or <c>xhigh</c>: how much to reason before the answer. Null leaves it to the model.</summary>
    public string? Effort { get; init; }

    /// <summary>The form that the answer must have; null is text.</summary>
    public OutputFormat? Format { get; init; }

    /// <summary>How much the model is to say: <c>low</c>, <c>medium</c> or <c>high</c>, or a server's own word.</summary>
    public string? Verbosity { get; init; }

    /// <summary>What the client calls its fields.</summary>
    public FieldNames Names { get; init; } = FieldNames.Chat;

    /// <summary>Fields that change no word of the answer and were left out: hints for caches, labels.</summary>
    public IReadOnlyList<string> Hints { get; init; } = [];
}

/// <summary>Why an answer ended.</summary>
internal enum StopReason
{
    End,
    Length,
    Tool,
    Refusal,
}

/// <summary>An answer in one piece.</summary>
internal sealed record Answer(string Id, string Model, long CreatedSeconds, IReadOnlyList<Part> Parts, StopReason Stop, TokenCounts? Usage);
