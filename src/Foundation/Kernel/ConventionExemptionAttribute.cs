namespace Crew.Kernel;

/// <summary>
/// Grants one exception from a house rule that Conventions.Tests holds, at the place that needs it. It covers what it stands on:
/// a member, a type, or with <c>[assembly: …]</c> the file. One that no longer exempts anything fails the tests and goes.
/// </summary>
/// <param name="rule">Name of the rule as the failing test prints it, such as <c>method-length</c>.</param>
/// <param name="reason">A sentence that a reviewer can judge.</param>
[AttributeUsage(AttributeTargets.All, AllowMultiple = true, Inherited = false)]
public sealed class ConventionExemptionAttribute(string rule, string reason) : Attribute
{
    public string Rule { get; } = rule;

    public string Reason { get; } = reason;
}
