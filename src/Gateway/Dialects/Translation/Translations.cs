namespace Crew.Gateway.Dialects.Translation;

/// <summary>How a client that speaks one format reaches a provider that speaks another.</summary>
internal static class Translations
{
    /// <summary>The formats that a client's format can be carried to, the best one first; empty where there is none.</summary>
    public static IReadOnlyList<Operation> Of(Operation client) => client switch
    {
        Operation.ChatCompletions => [Operation.Responses, Operation.Messages],
        Operation.Responses => [Operation.ChatCompletions, Operation.Messages],
        Operation.Messages => [Operation.ChatCompletions, Operation.Responses],
        _ => [],
    };

    public static RequestReader ReaderOf(Operation client) => client switch
    {
        Operation.Messages => new MessageRequestReader(),
        Operation.Responses => new ResponseRequestReader(),
        _ => new ChatRequestReader(),
    };

    public static RequestWriter WriterOf(Operation provider) => provider switch
    {
        Operation.Messages => new MessageRequestWriter(),
        Operation.Responses => new ResponseRequestWriter(),
        _ => new ChatRequestWriter(),
    };

    public static AnswerReader AnswersOf(Operation provider) => provider switch
    {
        Operation.Messages => new MessageAnswerReader(),
        Operation.Responses => new ResponseAnswerReader(),
        _ => new ChatAnswerReader(),
    };

    public static AnswerStream StreamFor(Operation client, bool wantsUsage) => client switch
    {
        Operation.Messages => new MessageAnswerWriter(),
        Operation.Responses => new ResponseAnswerWriter(),
        _ => new ChatAnswerWriter(wantsUsage),
    };

    public static void WriteWhole(Operation client, System.Text.Json.Utf8JsonWriter json, Answer answer)
    {
        switch (client)
        {
            case Operation.Messages:
                MessageAnswerWriter.WriteWhole(json, answer);
                break;
            case Operation.Responses:
                ResponseAnswerWriter.WriteWhole(json, answer);
                break;
            default:
                ChatAnswerWriter.WriteWhole(json, answer);
                break;
        }
    }
}
