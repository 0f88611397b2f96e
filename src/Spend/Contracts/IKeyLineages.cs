using Crew.Storage;

namespace Crew.Spend.Contracts;

/// <summary>The line of keys that a key belongs to; budgets belong to lines, so that they survive a roll.</summary>
/// <param name="LineageId">The line's id: the id of its first key.</param>
/// <param name="ParentLineageIds">Lines of the parents, nearest first.</param>
/// <param name="CrewId">The crew that the key is bound to, if any.</param>
/// <param name="CreatedBy">Line or id of whoever made it.</param>
public sealed record KeyLineage(string LineageId, IReadOnlyList<string> ParentLineageIds, string? CrewId, string CreatedBy);

/// <summary>The seam through which budgets ask the keys module about keys, inside a tenant's transaction.</summary>
public interface IKeyLineages
{
    /// <summary>The line of a key, by the id of any key in it; null when this tenant has no such key.</summary>
    Task<KeyLineage?> FindAsync(Db db, string keyId);

    /// <summary>The lines that a line has made: what a credential bound to an environment or to test mode sees besides its own.</summary>
    Task<IReadOnlyList<string>> MadeByAsync(Db db, string lineageId);
}
