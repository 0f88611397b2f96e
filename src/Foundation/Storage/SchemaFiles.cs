using System.Security.Cryptography;
using System.Text;
using Crew.Kernel;

namespace Crew.Storage;

/// <summary>One numbered schema file of one module.</summary>
internal sealed record SchemaFile(string Module, int Number, string Name, string Sql)
{
    public string Checksum { get; } = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Sql)));
}

/// <summary>The schema files of all parts, embedded in their assemblies, and the decision what is left to apply.</summary>
internal static class SchemaFiles
{
    public const string AppliedTable =
        "CREATE TABLE IF NOT EXISTS storage_schema (module text NOT NULL, number bigint NOT NULL, name text NOT NULL, "
        + "checksum text NOT NULL, applied_at bigint NOT NULL, PRIMARY KEY (module, number))";

    public static IReadOnlyList<SchemaFile> Of(StorageModel model, string dialect)
    {
        var files = new List<SchemaFile>();
        foreach (var part in model.Parts)
        {
            var assembly = part.GetType().Assembly;
            var folder = $"{assembly.GetName().Name}.{part.SchemaFolder}.{dialect}/";
            foreach (var resource in assembly.GetManifestResourceNames().Where(n => n.StartsWith(folder, StringComparison.Ordinal)).Order(StringComparer.Ordinal))
            {
                using var reader = new StreamReader(assembly.GetManifestResourceStream(resource)!);
                var name = Path.GetFileNameWithoutExtension(resource[folder.Length..]);
                files.Add(new SchemaFile(part.Name, int.Parse(name[..4], System.Globalization.CultureInfo.InvariantCulture), name, reader.ReadToEnd()));
            }
        }

        return files;
    }

    /// <summary>What is still to be applied, or why this program must not touch that database.</summary>
    public static Outcome<IReadOnlyList<SchemaFile>> Missing(IReadOnlyList<SchemaFile> files, IReadOnlyList<(string Module, long Number, string Checksum)> applied)
    {
        foreach (var (module, number, checksum) in applied)
        {
            if (files.SingleOrDefault(f => f.Module == module && f.Number == number) is not { } file)
            {
                return new Fault("schema_newer", 500,
                    $"The database holds schema {module} {number}, which this version of crew does not know: it was written by a newer version. "
                    + "Start that version, or restore a backup made before the upgrade.");
            }

            if (file.Checksum != checksum)
            {
                return new Fault("schema_changed", 500,
                    $"Schema file {file.Name} of {module} differs from the one that was applied. Applied files never change: use the released version of crew.");
            }
        }

        var done = applied.Select(a => (a.Module, a.Number)).ToHashSet();
        return files.Where(f => !done.Contains((f.Module, f.Number))).ToArray();
    }
}
