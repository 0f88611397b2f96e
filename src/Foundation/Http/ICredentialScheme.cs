using Crew.Kernel;

namespace Crew.Http;

/// <summary>One kind of credential. Each module that owns one registers its scheme; all end in a <see cref="Caller"/>.</summary>
public interface ICredentialScheme
{
    /// <summary>Whether a bearer text is of this kind, by its form alone.</summary>
    bool Accepts(ReadOnlySpan<char> credential);

    /// <summary>Verifies the text. Must be cheap for garbage.</summary>
    ValueTask<Verification> VerifyAsync(string credential, CancellationToken cancel);

    /// <summary>Ends a credential of this kind that was seen where others can read it.</summary>
    ValueTask LeakedAsync(Caller caller, Origin origin, string reason);

    /// <summary>Marks a successful use (last use, counts); coalesced, never durable by itself.</summary>
    void Used(Caller caller, string endpoint, int status, System.Net.IPAddress address, DateTimeOffset at);
}

/// <summary>
/// The answer of a scheme: a caller, or the refusal. A refusal may still know whose credential it was, for the audit record.
/// </summary>
public readonly record struct Verification(Caller? Caller, Fault? Fault, Tenant? Tenant = null, Actor? Actor = null);
