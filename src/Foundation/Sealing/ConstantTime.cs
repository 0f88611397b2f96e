using System.Security.Cryptography;

namespace Crew.Sealing;

/// <summary>Comparisons whose duration tells nothing about where two values differ (their lengths are not hidden).</summary>
public static class ConstantTime
{
    public static bool Equals(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right) => CryptographicOperations.FixedTimeEquals(left, right);

    /// <summary>Compares the UTF-16 code units of two texts.</summary>
    public static bool Equals(ReadOnlySpan<char> left, ReadOnlySpan<char> right) => CryptographicOperations.FixedTimeEquals(
        System.Runtime.InteropServices.MemoryMarshal.AsBytes(left), System.Runtime.InteropServices.MemoryMarshal.AsBytes(right));
}
