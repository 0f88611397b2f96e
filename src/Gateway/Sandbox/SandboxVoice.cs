using Crew.Kernel;

namespace Crew.Gateway.Sandbox;

/// <summary>How a reply is said in one wire format: in one piece, or as the events of a stream in the order in which they are asked for.</summary>
internal abstract class SandboxVoice
{
    /// <summary>The whole answer as one JSON object.</summary>
    public abstract ReadOnlyMemory<byte> Whole();

    /// <summary>What comes before any text.</summary>
    public abstract IEnumerable<byte[]> Opening();

    /// <summary>One token of the reply.</summary>
    public abstract byte[] Token(int choice, int token);

    /// <summary>What ends a reply that was said to its end.</summary>
    public abstract IEnumerable<byte[]> Closing();

    /// <summary>The event by which a provider of the format reports a failure within a stream; null where it is the bare error.</summary>
    public virtual byte[]? Failing(Fault fault) => null;
}
