using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Crew.Kernel;

namespace Crew.Gateway.Sandbox;

/// <summary>A tool call that a directive asks for; the arguments are a JSON object.</summary>
internal sealed record ScriptToolCall(string Name, string Arguments);

/// <summary>
/// What <c>crew-sandbox-script</c> is told to do, by directives in double brackets anywhere in the last user message:
/// <c>[[tokens=200 delay_ms=5 tool=get_weather{"city":"Oslo"} error=500 after=10]]</c>. Several blocks add up.
/// </summary>
/// <remarks>
/// <list type="table">
/// <item><term>tokens=0..100000</term><description>length of the answer</description></item>
/// <item><term>first_ms=0..60000</term><description>milliseconds before anything is sent</description></item>
/// <item><term>delay_ms=0..60000</term><description>milliseconds before each further token; at most ten minutes in all</description></item>
/// <item><term>tool=NAME{…}</term><description>a call of a declared tool; up to 16, all in parallel</description></item>
/// <item><term>error=400..599</term><description>fails with that status, within the stream where <c>after</c> is given</description></item>
/// <item><term>after=0..100000</term><description>tokens before <c>error</c> or <c>cut</c> happens</description></item>
/// <item><term>cut=1</term><description>breaks the connection</description></item>
/// <item><term>reasoning=0..100000</term><description>reasoning tokens, charged and not shown</description></item>
/// <item><term>cached=0..100000</term><description>how many prompt tokens are reported as cached</description></item>
/// <item><term>usage=full|none|zero</term><description>what is reported as usage</description></item>
/// <item><term>ignore_cap=1</term><description>produces and reports more than the output cap allows</description></item>
/// </list>
/// </remarks>
internal sealed record ScriptDirectives
{
    public const int MaxTokens = 100_000;
    public const int MaxDelayMs = 60_000;
    public const int MaxTotalDelayMs = 600_000;
    public const int MaxToolCalls = 16;
    public const int MaxArgumentBytes = 16_384;

    private static readonly SearchValues<char> WordCharacters =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

    private readonly Dictionary<string, int> _numbers = [];
    private readonly List<ScriptToolCall> _tools = [];

    public int? Tokens => Number("tokens");

    public int FirstMs => Number("first_ms") ?? 0;

    public int DelayMs => Number("delay_ms") ?? 0;

    public int? Error => Number("error");

    public int? After => Number("after");

    public bool Cut => Number("cut") == 1;

    public bool IgnoreCap => Number("ignore_cap") == 1;

    public int Reasoning => Number("reasoning") ?? 0;

    public int Cached => Number("cached") ?? 0;

    /// <summary><c>full</c>, <c>none</c> or <c>zero</c>.</summary>
    public string Usage { get; private set; } = "full";

    public IReadOnlyList<ScriptToolCall> Tools => _tools;

    public static Outcome<ScriptDirectives> Parse(string prompt)
    {
        var script = new ScriptDirectives();
        for (var at = prompt.IndexOf("[[", StringComparison.Ordinal); at >= 0; at = prompt.IndexOf("[[", at, StringComparison.Ordinal))
        {
            at += 2;
            while (true)
            {
                at += prompt.AsSpan(at).Length - prompt.AsSpan(at).TrimStart().Length;
                if (prompt.AsSpan(at).StartsWith("]]"))
                {
                    break;
                }

                if (!script.TakeOne(prompt, ref at))
                {
                    return Broken(at);
                }
            }
        }

        return script;
    }

    private static Fault Broken(int at) => Faults.Invalid("messages", "The sandbox does not understand the directive at character "
        + $"{at.ToString(CultureInfo.InvariantCulture)} of the last user message, or its value is out of range. A directive looks like "
        + "[[tokens=20 delay_ms=5 tool=name{\"a\":1}]]; the guide lists names and ranges.");

    private bool TakeOne(string prompt, ref int at)
    {
        var rest = prompt.AsSpan(at);
        var equals = rest.IndexOf('=');
        if (equals is <= 0 or > 16)
        {
            return false;
        }

        var (key, start) = (rest[..equals].ToString(), at + equals + 1);
        rest = prompt.AsSpan(start);
        if (key == "tool")
        {
            return TakeTool(rest, start, ref at);
        }

        var end = rest.IndexOfAnyExcept(WordCharacters);
        var word = (end < 0 ? rest : rest[..end]).ToString();
        if (!TakeWord(key, word))
        {
            return false;
        }

        at = start + word.Length;
        return true;
    }

    private bool TakeWord(string key, string word)
    {
        if (key == "usage")
        {
            Usage = word;
            return word is "full" or "none" or "zero";
        }

        var (least, most) = key switch
        {
            "tokens" or "after" or "reasoning" or "cached" => (0, MaxTokens),
            "first_ms" or "delay_ms" => (0, MaxDelayMs),
            "error" => (400, 599),
            "cut" or "ignore_cap" => (0, 1),
            _ => (1, 0),
        };
        return int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var value)
            && value >= least && value <= most && _numbers.TryAdd(key, value);
    }

    private bool TakeTool(ReadOnlySpan<char> rest, int start, ref int at)
    {
        var brace = rest.IndexOf('{');
        if (brace is < 1 or > 64 || rest[..brace].ContainsAnyExcept(WordCharacters) || _tools.Count == MaxToolCalls)
        {
            return false;
        }

        var json = Encoding.UTF8.GetBytes(rest[brace..Math.Min(rest.Length, brace + MaxArgumentBytes)].ToString());
        var reader = new Utf8JsonReader(json);
        try
        {
            reader.Read();
            reader.Skip();
        }
        catch (JsonException)
        {
            return false;
        }

        var arguments = Encoding.UTF8.GetString(json.AsSpan(0, (int)reader.BytesConsumed));
        _tools.Add(new ScriptToolCall(rest[..brace].ToString(), arguments));
        at = start + brace + arguments.Length;
        return true;
    }

    private int? Number(string key) => _numbers.TryGetValue(key, out var value) ? value : null;
}
