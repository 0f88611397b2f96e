using System.Diagnostics;

namespace Crew.Kernel;

/// <summary>
/// Bytes of a prompt, an answer or a transcript. Content passes through; it refuses to print or log, and has no serialiser.
/// </summary>
[DebuggerDisplay("(content)")]
public readonly struct Content(ReadOnlyMemory<byte> bytes) : IEquatable<Content>
{
    public ReadOnlyMemory<byte> Bytes { get; } = bytes;

    public bool Equals(Content other) => Bytes.Equals(other.Bytes);

    public override bool Equals(object? obj) => obj is Content other && Equals(other);

    public override int GetHashCode() => Bytes.GetHashCode();

    public static bool operator ==(Content left, Content right) => left.Equals(right);

    public static bool operator !=(Content left, Content right) => !left.Equals(right);

    public override string ToString() => "(content)";
}
