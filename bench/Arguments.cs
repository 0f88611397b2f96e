using System.Globalization;

namespace Crew.Bench;

/// <summary>Options of the form <c>--name value</c> and <c>--flag</c>.</summary>
internal sealed class Arguments
{
    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);

    public Arguments(IReadOnlyList<string> words)
    {
        for (var at = 0; at < words.Count; at++)
        {
            if (!words[at].StartsWith("--", StringComparison.Ordinal))
            {
                throw new ArgumentException($"Not an option: {words[at]}");
            }

            var hasValue = at + 1 < words.Count && !words[at + 1].StartsWith("--", StringComparison.Ordinal);
            _values[words[at][2..]] = hasValue ? words[++at] : "";
        }
    }

    public bool Has(string name) => _values.ContainsKey(name);

    public string? Text(string name) => _values.GetValueOrDefault(name) is { Length: > 0 } text ? text : null;

    public string Required(string name) => Text(name) ?? throw new ArgumentException($"--{name} needs a value.");

    public int Number(string name, int otherwise) => Text(name) is not { } text ? otherwise
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
        : throw new ArgumentException($"--{name} takes a whole number, not {text}.");
}
