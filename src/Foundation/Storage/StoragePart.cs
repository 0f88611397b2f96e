using Microsoft.EntityFrameworkCore;

namespace Crew.Storage;

/// <summary>What one module contributes to the database: its mapped entities and its schema files (embedded in its assembly).</summary>
public abstract class StoragePart
{
    /// <summary>Prefix of the module's tables, such as <c>keys</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Where its schema files lie in its assembly.</summary>
    public virtual string SchemaFolder => "Schema";

    /// <summary>How tables travel in a backup that a plain copy of their columns would break.</summary>
    public virtual IReadOnlyList<TransferRule> Transfers => [];

    public virtual void Map(ModelBuilder model)
    {
    }
}
