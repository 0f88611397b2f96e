namespace Crew.Kernel;

/// <summary>
/// A refusal: an expected outcome with a stable code (a page in docs/errors), the HTTP status it answers with and a
/// sentence for the caller that says what was wrong, where, and how to mend it. Never holds secrets or content.
/// </summary>
public sealed record Fault(string Code, int Status, string Message)
{
    /// <summary>Additional facts for the caller (field, value, required permission); values are strings, numbers, lists or null.</summary>
    public IReadOnlyDictionary<string, object?>? Details { get; init; }

    /// <summary>Seconds after which the same request may succeed.</summary>
    public int? RetryAfterSeconds { get; init; }

    /// <summary>What <c>x-should-retry</c> says to clients; null leaves the header out.</summary>
    public bool? ShouldRetry { get; init; }

    public Fault With(string name, object? value) =>
        this with { Details = new Dictionary<string, object?>(Details ?? new Dictionary<string, object?>()) { [name] = value } };

    /// <summary>Says which field of the request was wrong.</summary>
    public Fault At(string field) => With("field", field);
}
