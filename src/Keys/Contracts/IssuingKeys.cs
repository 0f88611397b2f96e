using Crew.Http;

namespace Crew.Keys.Contracts;

/// <summary>What tokens ask about the keys that have minted them. Answers come from memory, as for the keys themselves.</summary>
public sealed class IssuingKeys
{
    private readonly KeyIndex _index;
    private readonly KeyScheme _scheme;

    internal IssuingKeys(KeyIndex index, KeyScheme scheme) => (_index, _scheme) = (index, scheme);

    /// <summary>The caller that a key is at this moment, or why it is none. The same object as long as nothing about the key has changed.</summary>
    public ValueTask<Verification> FindAsync(string keyId, CancellationToken cancel) =>
        _index.TryFind(keyId, out var slot) ? _scheme.JudgeAsync(slot, cancel) : ValueTask.FromResult(new Verification(null, KeyFaults.Invalid));
}
