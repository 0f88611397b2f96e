using System.Buffers;
using System.Text;
using Crew.Bench.Load;
using Crew.Gateway.Calls;
using Crew.Gateway.Dialects;
using Crew.Gateway.Dialects.Translation;
using Crew.Gateway.Forwarding;
using Crew.Gateway.Metering;

namespace Crew.Bench.Micro;

/// <summary>One KB of a request, and one of an answer, said in the other dialect.</summary>
internal static class Translating
{
    private const int Calls = 100_000;
    private const int Bytes = 1024;
    private const string Mark = "~";

    private const string Chat = """
        {"model":"m","max_tokens":64,"temperature":0.5,"messages":[{"role":"system","content":"Answer briefly."},{"role":"user","content":"~"},
        {"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"look","arguments":"{\"q\":\"a\"}"}}]},
        {"role":"tool","tool_call_id":"c","content":"found"}],"tools":[{"type":"function","function":{"name":"look","parameters":{"type":"object"}}}]}
        """;

    private const string Message = """
        {"model":"m","max_tokens":64,"temperature":0.5,"system":"Answer briefly.","messages":[{"role":"user","content":"~"},
        {"role":"assistant","content":[{"type":"tool_use","id":"c","name":"look","input":{"q":"a"}}]},
        {"role":"user","content":[{"type":"tool_result","tool_use_id":"c","content":"found"}]}],"tools":[{"name":"look","input_schema":{"type":"object"}}]}
        """;

    private const string ChatAnswer = """
        {"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"~"},"finish_reason":"stop"}],
        "usage":{"prompt_tokens":5,"completion_tokens":5,"total_tokens":10}}
        """;

    private const string MessageAnswer = """
        {"id":"m","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"~"}],"stop_reason":"end_turn","stop_sequence":null,
        "usage":{"input_tokens":5,"output_tokens":5}}
        """;

    public static Histogram ChatRequest() => Request(Chat, Operation.ChatCompletions, Operation.Messages);

    public static Histogram MessageRequest() => Request(Message, Operation.Messages, Operation.ChatCompletions);

    public static Histogram AnswerOfMessages() => Answer(MessageAnswer, WireFormats.Messages, WireFormats.Chat);

    public static Histogram AnswerOfChat() => Answer(ChatAnswer, WireFormats.Chat, WireFormats.Messages);

    private static Histogram Request(string text, Operation from, Operation to)
    {
        var body = new ReadOnlySequence<byte>(Fill(text));
        return MicroBench.Measure(_ => () =>
        {
            var said = Translations.ReaderOf(from).Read(body);
            if (said.Fault is not null || Translations.WriterOf(to).Write(said.Value, new WriteTerms("upstream", 64, false)).Length == 0)
            {
                throw new InvalidOperationException("The request was not carried.");
            }
        }, callsPerThread: Calls);
    }

    private static Histogram Answer(string text, WireFormat from, WireFormat to)
    {
        var route = new Route(from, null);
        var answer = new ByteStore();
        answer.Append(Fill(text));
        return MicroBench.Measure(_ => () =>
        {
            using var said = route.Translate(to, answer, new TokenCounts(5, 0, 0, 5, 0)) ?? throw new InvalidOperationException("The answer was not carried.");
        }, callsPerThread: Calls);
    }

    private static byte[] Fill(string text)
    {
        var words = new StringBuilder();
        while (text.Length + words.Length < Bytes)
        {
            words.Append("some words, ");
        }

        return Encoding.UTF8.GetBytes(text.Replace(Mark, words.ToString(0, Bytes - text.Length + 1), StringComparison.Ordinal));
    }
}
