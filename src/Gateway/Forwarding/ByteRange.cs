namespace Crew.Gateway.Forwarding;

/// <summary>Where something stands in a body, counted in bytes from its beginning.</summary>
internal readonly record struct ByteRange(int Start, int Length)
{
    public int End => Start + Length;
}
