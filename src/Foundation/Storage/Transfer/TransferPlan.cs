using Crew.Kernel;

namespace Crew.Storage;

/// <summary>Which tables a copy holds and in which order, and which schema files stand before and behind it.</summary>
internal static class TransferPlan
{
    /// <summary>The rules of all parts by table.</summary>
    public static IReadOnlyDictionary<string, TransferRule> Rules(StorageModel model) =>
        model.Parts.SelectMany(p => p.Transfers).ToDictionary(r => r.Table, StringComparer.Ordinal);

    /// <summary>Whether a table belongs to a module and is copied. What else lies in the database is not ours.</summary>
    public static bool IsCopied(StorageModel model, IReadOnlyDictionary<string, TransferRule> rules, string table) =>
        table != "storage_schema"
        && model.Parts.Any(p => table.StartsWith(p.Name + "_", StringComparison.Ordinal))
        && rules.GetValueOrDefault(table) is not { StaysBehind: true };

    /// <summary>Parents before children, so that every foreign key finds its row; by name among equals.</summary>
    public static IReadOnlyList<TransferTable> Sort(IEnumerable<TransferTable> tables, IEnumerable<(string Child, string Parent)> keys)
    {
        var left = tables.OrderBy(t => t.Name, StringComparer.Ordinal).ToList();
        var parents = keys.Where(k => k.Child != k.Parent).ToLookup(k => k.Child, k => k.Parent, StringComparer.Ordinal);
        var sorted = new List<TransferTable>(left.Count);
        while (left.Count > 0)
        {
            var next = left.Find(t => !parents[t.Name].Any(p => left.Exists(other => other.Name == p)))
                ?? throw new NotSupportedException("The foreign keys of the tables form a circle.");
            left.Remove(next);
            sorted.Add(next);
        }

        return sorted;
    }

    /// <summary>
    /// The files of the target's dialect up to what the copy was taken at, and those that are newer. Refuses a copy whose schema
    /// this program does not know exactly.
    /// </summary>
    public static Outcome<(IReadOnlyList<SchemaFile> Before, IReadOnlyList<SchemaFile> After)> Split(StorageModel model, string dialect, TransferHeader header)
    {
        var recorded = header.Schema.Select(s => (s.Module, s.Number, s.Checksum)).ToList();
        if (SchemaFiles.Missing(SchemaFiles.Of(model, header.Dialect), recorded).Failed(out var fault))
        {
            return fault;
        }

        var known = recorded.Select(r => (r.Module, r.Number)).ToHashSet();
        var files = SchemaFiles.Of(model, dialect).ToLookup(f => known.Contains((f.Module, f.Number)));
        return ((IReadOnlyList<SchemaFile>)[.. files[true]], (IReadOnlyList<SchemaFile>)[.. files[false]]);
    }
}
