using System.Diagnostics.CodeAnalysis;

namespace Crew.Kernel;

/// <summary>A value or the reason why there is none. The default value is a bug, not a refusal.</summary>
[SuppressMessage("Performance", "CA1815:Override equals and operator equals on value types", Justification = "Never compared.")]
public readonly struct Outcome<T>
{
    private readonly T? _value;

    private Outcome(T? value, Fault? fault) => (_value, Fault) = (value, fault);

    /// <summary>A value; needed where T is an interface, which no conversion can come from.</summary>
    public Outcome(T value) => _value = value;

    public Fault? Fault { get; }

    /// <summary>The value; throws when this is a refusal.</summary>
    public T Value => Fault is null ? _value! : throw new InvalidOperationException($"No value: {Fault.Code}");

    public bool Failed([NotNullWhen(true)] out Fault? fault) => (fault = Fault) is not null;

    public static implicit operator Outcome<T>(T value) => new(value, null);

    public static implicit operator Outcome<T>(Fault fault) => new(default, fault);
}
