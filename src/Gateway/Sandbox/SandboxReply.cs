using Crew.Kernel;

namespace Crew.Gateway.Sandbox;

/// <summary>One token of an answer.</summary>
/// <param name="Tool">Which tool call it belongs to; null for text.</param>
/// <param name="OpensTool">It is the name of the call, whose arguments follow.</param>
internal readonly record struct SandboxToken(string Text, int? Tool, bool OpensTool);

/// <summary>What the sandbox is going to answer, decided before the first byte is written; the same request gives the same reply.</summary>
internal sealed record SandboxReply(
    SandboxRequest Request, ScriptDirectives Script, IReadOnlyList<SandboxToken> Tokens, string FinishReason)
{
    private const string DefaultAnswer = "This model follows directives in the last user message, such as [[tokens=20 delay_ms=5]].";

    // Each is one token: a space and three letters.
    private static readonly string[] Words = [" the", " sea", " and", " sky", " are", " one", " map", " for", " all", " who", " out"];

    public bool HasTools => Tokens.Any(static t => t.Tool is not null);

    public bool HasText => Tokens.Any(static t => t.Tool is null);

    public int ReasoningTokens { get; private init; }

    public int CompletionTokens => (Tokens.Count + ReasoningTokens) * Request.Choices;

    public int CachedTokens => Math.Min(Script.Cached, Request.PromptTokens);

    public static Outcome<SandboxReply> Plan(SandboxRequest request)
    {
        var script = new ScriptDirectives();
        if (request.Model == SandboxModels.Script)
        {
            var parsed = ScriptDirectives.Parse(request.Prompt);
            if (parsed.Failed(out var fault))
            {
                return fault;
            }

            script = parsed.Value;
        }

        if (script.Tools.FirstOrDefault(call => !request.Tools.Contains(call.Name)) is not null)
        {
            return Faults.Invalid("tools", "A directive calls a tool that the request does not declare, or that tool_choice forbids.");
        }

        var tokens = Produce(request, script);
        if (((long)script.DelayMs * tokens.Count) + script.FirstMs > ScriptDirectives.MaxTotalDelayMs)
        {
            return Faults.Invalid("messages", "The directives ask for more than ten minutes. Lower delay_ms, first_ms or tokens.");
        }

        var cap = script.IgnoreCap ? int.MaxValue : request.Cap ?? int.MaxValue;
        var reasoning = Math.Min(script.Reasoning, cap);
        var kept = Math.Min(tokens.Count, cap - reasoning);
        var finish = kept < tokens.Count || reasoning < script.Reasoning ? "length" : script.Tools.Count > 0 ? "tool_calls" : "stop";
        return new SandboxReply(request, script, tokens[..kept], finish) { ReasoningTokens = reasoning };
    }

    private static List<SandboxToken> Produce(SandboxRequest request, ScriptDirectives script)
    {
        var tokens = new List<SandboxToken>();
        if (request.Model == SandboxModels.Echo)
        {
            AddText(tokens, request.Prompt, null);
            return tokens;
        }

        for (var i = 0; i < (script.Tokens ?? 0); i++)
        {
            tokens.Add(new SandboxToken(i == 0 ? Words[0].TrimStart() : Words[i % Words.Length], null, false));
        }

        for (var i = 0; i < script.Tools.Count; i++)
        {
            tokens.Add(new SandboxToken(script.Tools[i].Name, i, true));
            AddText(tokens, script.Tools[i].Arguments, i);
        }

        if (script.Tokens is null && script.Tools.Count == 0)
        {
            AddText(tokens, DefaultAnswer, null);
        }

        return tokens;
    }

    private static void AddText(List<SandboxToken> tokens, string text, int? tool) =>
        tokens.AddRange(SandboxTokens.Split(text).Select(token => new SandboxToken(token, tool, false)));
}
