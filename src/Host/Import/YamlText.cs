using System.Globalization;
using Crew.Kernel;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Crew.Host.Import;

/// <summary>Reads a YAML file of bounded size into nodes, and values out of nodes. Complaints name line and column, never a value.</summary>
internal static class YamlText
{
    private const int MaximumBytes = 8 * 1024 * 1024;
    private const int MaximumMerges = 4;
    private const string Merge = "<<";

    public static Outcome<YamlMappingNode> Load(string path)
    {
        try
        {
            if (new FileInfo(path) is not { Exists: true, Length: <= MaximumBytes })
            {
                return Faults.Invalid("--config", $"There is no readable file {path} of at most {MaximumBytes >> 20} MiB.");
            }

            var text = File.ReadAllText(path);
            if (YamlBounds.Check(path, text) is { } unlikely)
            {
                return unlikely;
            }

            var stream = new YamlStream();
            stream.Load(new StringReader(text));
            return stream.Documents.Count == 1 && stream.Documents[0].RootNode is YamlMappingNode root
                ? root
                : Faults.Invalid("--config", $"{path} is not one YAML mapping, as LiteLLM's configuration is.");
        }
        catch (YamlException broken)
        {
            return Faults.Invalid("--config", string.Create(CultureInfo.InvariantCulture,
                $"{path} is no valid YAML: line {broken.Start.Line}, column {broken.Start.Column}."));
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            return Faults.Invalid("--config", $"{path} cannot be read by this user.");
        }
    }

    /// <summary>The value of a key: the mapping's own, or that of one that it merges (<c>&lt;&lt;: *defaults</c>), as LiteLLM's reader does.</summary>
    public static YamlNode? Find(this YamlMappingNode? node, string key) => Find(node, key, MaximumMerges);

    private static YamlNode? Find(YamlMappingNode? node, string key, int levels)
    {
        if (node is null || levels == 0)
        {
            return null;
        }

        return node.Children.TryGetValue(new YamlScalarNode(key), out var found) ? found
            : Merged(node).Select(m => Find(m, key, levels - 1)).FirstOrDefault(v => v is not null);
    }

    private static IEnumerable<YamlMappingNode> Merged(YamlMappingNode node) => node.Children.TryGetValue(new YamlScalarNode(Merge), out var merged)
        ? merged switch { YamlMappingNode one => [one], YamlSequenceNode several => several.Children.OfType<YamlMappingNode>().Take(MaximumMerges), _ => [] }
        : [];

    public static YamlMappingNode? Mapping(this YamlMappingNode? node, string key) => node.Find(key) as YamlMappingNode;

    public static IReadOnlyList<YamlNode> List(this YamlMappingNode? node, string key) => node.Find(key) is YamlSequenceNode list ? [.. list.Children] : [];

    /// <summary>A text that says something; null for none, for an empty one and for YAML's null.</summary>
    public static string? Text(this YamlMappingNode? node, string key) =>
        node.Find(key) is YamlScalarNode { Value: { Length: > 0 } value } scalar && !(scalar.Style == ScalarStyle.Plain && value is "null" or "~") ? value : null;

    public static decimal? Number(this YamlMappingNode? node, string key) =>
        node.Text(key) is { } text && decimal.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value : null;

    public static int? Whole(this YamlMappingNode? node, string key) =>
        node.Number(key) is { } value and > 0 and <= int.MaxValue && value == decimal.Truncate(value) ? (int)value : null;

    /// <summary>All keys and values, with those that are merged in and not said anew.</summary>
    public static IEnumerable<(string Key, YamlNode Value)> Entries(this YamlMappingNode? node) => Entries(node, MaximumMerges).DistinctBy(e => e.Key);

    private static IEnumerable<(string Key, YamlNode Value)> Entries(YamlMappingNode? node, int levels) => node is null || levels == 0 ? []
        : node.Children.Select(c => (Key: (c.Key as YamlScalarNode)?.Value ?? "?", c.Value)).Where(e => e.Key != Merge)
            .Concat(Merged(node).SelectMany(m => Entries(m, levels - 1)));
}
