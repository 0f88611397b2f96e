namespace Crew.Spend;

/// <summary>The allowances that one scope draws on right now, outermost first. Shared by all holds of that scope until a window ends or a budget changes.</summary>
internal sealed class Chain(Allowance[] allowances, long version)
{
    public static readonly Chain Empty = new([], -1);

    public Allowance[] Allowances { get; } = allowances;

    /// <summary>The version of the organization's budgets that this was made from.</summary>
    public long Version { get; } = version;

    public long EndMs { get; } = allowances.Length == 0 ? long.MaxValue : allowances.Min(a => a.Span.EndMs);

    /// <summary>If any budget of the chain is strict, the request is.</summary>
    public bool IsStrict { get; } = allowances.Any(a => a.Terms.IsStrict);

    /// <summary>What the ledger's row says it counted against, so that the sums can be proven from the rows.</summary>
    public string LeaseIds { get; } = string.Join(' ', allowances.Select(a => a.LeaseId));
}
