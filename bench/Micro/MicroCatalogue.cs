using Crew.Bench.Load;

namespace Crew.Bench.Micro;

/// <summary>An in-process benchmark and what is asked of it; a goal of 0 asks nothing.</summary>
internal sealed record MicroCase(string Name, double GoalP50Ns, double GoalP99Ns, Func<Histogram> Measure);

/// <summary>Every in-process benchmark. A module's benchmark is a file of its own beside this one and one line here.</summary>
internal static class MicroCatalogue
{
    public static IReadOnlyList<MicroCase> All { get; } =
    [
        new MicroCase("clock alone, one thread", 0, 0, () => MicroBench.Measure(_ => static () => { })),
        new MicroCase("clock alone, two threads", 0, 0, () => MicroBench.Measure(_ => static () => { }, threads: 2)),
        new MicroCase("key check, 10,000 keys, two threads", 0, 20_000, KeyCheck.Measure),
        new MicroCase("token check, 10,000 tokens of a person, two threads", 0, 100_000, TokenCheck.Measure),
        new MicroCase("1 KB of a chat request said as a message", 50_000, 0, Translating.ChatRequest),
        new MicroCase("1 KB of a message request said as a chat", 50_000, 0, Translating.MessageRequest),
        new MicroCase("1 KB of a message said as a completion", 50_000, 0, Translating.AnswerOfMessages),
        new MicroCase("1 KB of a completion said as a message", 50_000, 0, Translating.AnswerOfChat),
        new MicroCase("64 tokens of a chat stream watched", 64_000, 0, StreamScan.Chat),
        new MicroCase("64 tokens of a message stream watched", 64_000, 0, StreamScan.Messages),
        new MicroCase("64 tokens of a response stream watched", 64_000, 0, StreamScan.Responses),
        new MicroCase("hold + settle, four strict budgets, one hot organization, two threads", 5_000, 50_000, HoldAndSettle.Measure),
    ];
}
