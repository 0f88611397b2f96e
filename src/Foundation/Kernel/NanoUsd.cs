using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Crew.Kernel;

/// <summary>
/// Money as a whole number of nano-USD (10⁻⁹ US dollars), so that no float ever touches an amount. Outside it is a decimal
/// string: 0 to 9 decimals in, always 9 out. Arithmetic overflows loudly. The default value is zero.
/// </summary>
public readonly record struct NanoUsd(long Value) : IComparable<NanoUsd>
{
    public const long PerDollar = 1_000_000_000;

    public static readonly NanoUsd Zero;

    public static NanoUsd operator +(NanoUsd a, NanoUsd b) => new(checked(a.Value + b.Value));

    public static NanoUsd operator -(NanoUsd a, NanoUsd b) => new(checked(a.Value - b.Value));

    public static bool operator <(NanoUsd a, NanoUsd b) => a.Value < b.Value;

    public static bool operator >(NanoUsd a, NanoUsd b) => a.Value > b.Value;

    public static bool operator <=(NanoUsd a, NanoUsd b) => a.Value <= b.Value;

    public static bool operator >=(NanoUsd a, NanoUsd b) => a.Value >= b.Value;

    public int CompareTo(NanoUsd other) => Value.CompareTo(other.Value);

    /// <summary>
    /// Reads a non-negative decimal string such as <c>12.5</c>; no sign, exponent or thousands separator, at most 9 decimals.
    /// </summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out NanoUsd amount)
    {
        amount = default;
        if (string.IsNullOrEmpty(text) || text.Length > 20)
        {
            return false;
        }

        var dot = text.IndexOf('.', StringComparison.Ordinal);
        var whole = dot < 0 ? text.AsSpan() : text.AsSpan(0, dot);
        var fraction = dot < 0 ? default : text.AsSpan(dot + 1);
        if (whole.IsEmpty || whole.Length > 9 || fraction.Length > 9 || (dot >= 0 && fraction.IsEmpty)
            || whole.ContainsAnyExceptInRange('0', '9') || fraction.ContainsAnyExceptInRange('0', '9'))
        {
            return false;
        }

        var nanos = fraction.IsEmpty ? 0 : long.Parse(fraction, CultureInfo.InvariantCulture);
        for (var missing = 9 - fraction.Length; missing > 0 && nanos > 0; missing--)
        {
            nanos *= 10;
        }

        amount = new NanoUsd((long.Parse(whole, CultureInfo.InvariantCulture) * PerDollar) + nanos);
        return true;
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{(Value < 0 ? "-" : "")}{Math.Abs(Value / PerDollar)}.{Math.Abs(Value % PerDollar):D9}");
}
