using System.Globalization;
using Crew.Kernel;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Crew.Host.Import;

/// <summary>
/// Looks at a YAML text before nodes are made of it. Making nodes walks in as deep as the text is nested and compares keys with all that they
/// hold, so a few kilobytes of brackets end the process and a few aliases of aliases as keys never end. Aliases as values are shared, not copied.
/// </summary>
internal static class YamlBounds
{
    private const int MaximumDepth = 64;
    private const int MaximumEvents = 2_000_000;
    private const int MaximumAliases = 10_000;

    /// <summary>Null, or what no configuration has.</summary>
    /// <exception cref="YamlException">The text is no YAML.</exception>
    public static Fault? Check(string path, string text)
    {
        var (levels, events, aliases) = (new Stack<Level>(), 0, 0);
        var parser = new Parser(new StringReader(text));
        while (parser.MoveNext())
        {
            var what = parser.Current!;
            if (what is SequenceEnd or MappingEnd)
            {
                levels.Pop();
                continue;
            }

            if (what is not (NodeEvent or AnchorAlias))
            {
                continue;
            }

            var isKey = levels.TryPeek(out var level) && level.IsKeyNext();
            aliases += what is AnchorAlias ? 1 : 0;
            if (isKey && what is not Scalar)
            {
                return Refuse(path, what.Start, "a key of a mapping that is no plain text");
            }

            if (++events > MaximumEvents || aliases > MaximumAliases)
            {
                return Refuse(path, what.Start, aliases > MaximumAliases ? $"more than {MaximumAliases} aliases" : $"more than {MaximumEvents} values");
            }

            if (what is SequenceStart or MappingStart)
            {
                levels.Push(new Level(what is MappingStart));
                if (levels.Count > MaximumDepth)
                {
                    return Refuse(path, what.Start, $"more than {MaximumDepth} levels of nesting");
                }
            }
        }

        return null;
    }

    private static Fault Refuse(string path, Mark at, string what) => Faults.Invalid("--config", string.Create(CultureInfo.InvariantCulture,
        $"{path} has {what} at line {at.Line}, column {at.Column}; no configuration of LiteLLM does."));

    /// <summary>A list, or a mapping in which keys and values take turns.</summary>
    private sealed class Level(bool isMapping)
    {
        private bool _isKeyNext;

        public bool IsKeyNext() => isMapping && (_isKeyNext = !_isKeyNext);
    }
}
