using Crew.Gateway.Forwarding;
using Crew.Gateway.Metering;

namespace Crew.Gateway.Dialects;

/// <summary>A whole number of the request and where it stands; no value means that the field is <c>null</c>.</summary>
internal readonly record struct NumberField(int? Value, ByteRange At);

/// <summary>A truth value of the request and where it stands; no value means that the field is <c>null</c>.</summary>
internal readonly record struct FlagField(bool? Value, ByteRange At);

/// <summary>The <c>stream_options</c> of a request.</summary>
/// <param name="At">Its value, braces included.</param>
/// <param name="IsNull">The value is <c>null</c>.</param>
/// <param name="IsEmpty">The value is an object without members.</param>
/// <param name="IncludeUsage">The member <c>include_usage</c>, if it is there.</param>
internal readonly record struct StreamOptionsField(ByteRange At, bool IsNull, bool IsEmpty, FlagField? IncludeUsage);

/// <summary>What one pass over the body of a request found. It holds no content, only governed fields.</summary>
internal sealed record InferenceRequest
{
    public required string Model { get; init; }

    /// <summary>The model's string, quotes included.</summary>
    public required ByteRange ModelAt { get; init; }

    /// <summary>Offset of the opening brace of the body.</summary>
    public required int RootAt { get; init; }

    public required int BodyBytes { get; init; }

    /// <summary>The body is a form (multipart/form-data), not JSON.</summary>
    public bool IsForm => FormType is not null;

    /// <summary>The content type of a form, with the boundary by which it was read.</summary>
    public string? FormType { get; init; }

    public FlagField? StreamField { get; init; }

    public StreamOptionsField? StreamOptions { get; init; }

    public NumberField? MaxTokens { get; init; }

    public NumberField? MaxCompletionTokens { get; init; }

    public NumberField? N { get; init; }

    public NumberField? BestOf { get; init; }

    public FlagField? Store { get; init; }

    public RequestFeatures Features { get; init; }

    /// <summary>The service tier that it names.</summary>
    public ServiceTier Tier { get; init; }

    /// <summary>Pictures among its messages.</summary>
    public int Images { get; init; }

    /// <summary>Bytes of the body that are those pictures.</summary>
    public long ImageBytes { get; init; }

    /// <summary>Prompts that are each answered, where an endpoint takes several.</summary>
    public int Prompts { get; init; } = 1;

    /// <summary>What it asks for beside text; null where that is not known whole.</summary>
    public MediaAsk? Media { get; init; }

    /// <summary>Fewer output tokens than this the provider would refuse to be capped at.</summary>
    public int LeastOutputCap { get; init; }

    public bool Stream => StreamField?.Value ?? false;

    /// <summary>The client asked for the usage chunk by an explicit <c>true</c>; only then may it see one.</summary>
    public bool WantsUsage => StreamOptions?.IncludeUsage?.Value ?? false;

    /// <summary>The output cap that the client gave, in tokens per choice.</summary>
    public int? OutputCap => MaxCompletionTokens?.Value ?? MaxTokens?.Value;

    /// <summary>How many answers are produced and charged, at the most.</summary>
    public int Choices => Math.Max(N?.Value ?? 1, BestOf?.Value ?? 1) * Prompts;

    /// <summary>Whether body size, output cap and <see cref="Choices"/> bound the price of any model; else it takes knowledge of the model's.</summary>
    public bool CostIsBoundable => (Features & ~(RequestFeatures.Tools | RequestFeatures.LongCache)) == RequestFeatures.None;
}

/// <summary>What a request asks for in images or speech, where every field that decides its price was understood.</summary>
/// <param name="Images">Images that are to be made.</param>
/// <param name="Size">Of each; null where it is left to the provider.</param>
/// <param name="Quality">The same.</param>
/// <param name="Characters">Characters that are to be spoken, in UTF-16.</param>
internal sealed record MediaAsk(int Images, string? Size, string? Quality, long Characters);
