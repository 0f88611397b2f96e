namespace Crew.Gateway.Dialects;

/// <summary>The fields of requests that the gateway reads, under whatever name an endpoint has for them.</summary>
internal enum RequestField
{
    Other,
    Model,
    Stream,
    StreamOptions,
    IncludeUsage,
    MaxTokens,
    MaxCompletionTokens,
    N,
    BestOf,
    Store,
    ServiceTier,
    Messages,
    Tools,
    Functions,
    Modalities,
    Audio,
    WebSearchOptions,
    Prediction,
    OtherModels,
    Fallbacks,
    Plugins,
    SearchParameters,
    EnableSearch,
    DataSources,
    System,
    Thinking,
    BudgetTokens,
    Container,
    McpServers,
    ContextManagement,
    Speed,
    InferenceGeo,
    Input,
    EmbeddingInput,
    CompletionPrompt,
    Echo,
    Prompt,
    Background,
    Conversation,
    MaxOutputTokens,
    PreviousResponse,
    BilledWorkspace,
    Provider,
    Preset,
}

/// <summary>Names of fields and of content parts.</summary>
internal static class RequestFields
{
    /// <summary>The governed field of this name at this endpoint.</summary>
    public static RequestField Find(Operation operation, ReadOnlySpan<byte> name) => operation switch
    {
        Operation.Messages => FindMessages(name),
        Operation.CountTokens => name.SequenceEqual("model"u8) ? RequestField.Model : RequestField.Other,
        Operation.Responses => FindResponses(name),
        Operation.Embeddings => FindEmbeddings(name),
        Operation.Completions => FindCompletions(name),
        _ => FindChat(name),
    };

    /// <summary>
    /// The governed field that a reader of protocol buffers takes this name for (<c>maxCompletionTokens</c>): those accept each field under its
    /// name without underscores, too.
    /// </summary>
    /// <param name="operation">The endpoint.</param>
    /// <param name="name">In lower case.</param>
    public static RequestField FindJoined(Operation operation, ReadOnlySpan<byte> name)
    {
        foreach (var snake in Snakes)
        {
            if (Joins(snake, name) && Find(operation, snake) is var field and not RequestField.Other)
            {
                return field;
            }
        }

        return RequestField.Other;
    }

    private static readonly byte[][] Snakes =
        [.. Enum.GetValues<RequestField>().Select(Name).Where(n => n.Contains('_') && !n.Contains('.')).Distinct().Select(System.Text.Encoding.ASCII.GetBytes)];

    private static bool Joins(ReadOnlySpan<byte> snake, ReadOnlySpan<byte> name)
    {
        var at = 0;
        foreach (var letter in snake)
        {
            if (letter != '_' && (at == name.Length || name[at++] != letter))
            {
                return false;
            }
        }

        return at == name.Length;
    }

    private static RequestField FindResponses(ReadOnlySpan<byte> name) => name.Length switch
    {
        5 when name.SequenceEqual("model"u8) => RequestField.Model,
        5 when name.SequenceEqual("store"u8) => RequestField.Store,
        5 when name.SequenceEqual("tools"u8) => RequestField.Tools,
        5 when name.SequenceEqual("input"u8) => RequestField.Input,
        6 when name.SequenceEqual("stream"u8) => RequestField.Stream,
        6 when name.SequenceEqual("prompt"u8) => RequestField.Prompt,
        6 when name.SequenceEqual("models"u8) => RequestField.OtherModels,
        6 when name.SequenceEqual("preset"u8) => RequestField.Preset,
        7 when name.SequenceEqual("plugins"u8) => RequestField.Plugins,
        8 when name.SequenceEqual("provider"u8) => RequestField.Provider,
        9 when name.SequenceEqual("fallbacks"u8) => RequestField.Fallbacks,
        10 when name.SequenceEqual("background"u8) => RequestField.Background,
        12 when name.SequenceEqual("conversation"u8) => RequestField.Conversation,
        12 when name.SequenceEqual("service_tier"u8) => RequestField.ServiceTier,
        17 when name.SequenceEqual("max_output_tokens"u8) => RequestField.MaxOutputTokens,
        18 when name.SequenceEqual("context_management"u8) => RequestField.ContextManagement,
        20 when name.SequenceEqual("previous_response_id"u8) => RequestField.PreviousResponse,
        _ => RequestField.Other,
    };

    private static RequestField FindEmbeddings(ReadOnlySpan<byte> name) => name.Length switch
    {
        5 when name.SequenceEqual("model"u8) => RequestField.Model,
        5 when name.SequenceEqual("input"u8) => RequestField.EmbeddingInput,
        6 when name.SequenceEqual("models"u8) => RequestField.OtherModels,
        8 when name.SequenceEqual("messages"u8) => RequestField.Messages,
        9 when name.SequenceEqual("fallbacks"u8) => RequestField.Fallbacks,
        12 when name.SequenceEqual("service_tier"u8) => RequestField.ServiceTier,
        _ => RequestField.Other,
    };

    private static RequestField FindCompletions(ReadOnlySpan<byte> name) => name.Length switch
    {
        1 when name[0] == 'n' => RequestField.N,
        4 when name.SequenceEqual("echo"u8) => RequestField.Echo,
        5 when name.SequenceEqual("model"u8) => RequestField.Model,
        6 when name.SequenceEqual("prompt"u8) => RequestField.CompletionPrompt,
        6 when name.SequenceEqual("stream"u8) => RequestField.Stream,
        6 when name.SequenceEqual("models"u8) => RequestField.OtherModels,
        7 when name.SequenceEqual("best_of"u8) => RequestField.BestOf,
        7 when name.SequenceEqual("plugins"u8) => RequestField.Plugins,
        8 when name.SequenceEqual("provider"u8) => RequestField.Provider,
        8 when name.SequenceEqual("messages"u8) => RequestField.Messages,
        9 when name.SequenceEqual("fallbacks"u8) => RequestField.Fallbacks,
        10 when name.SequenceEqual("max_tokens"u8) => RequestField.MaxTokens,
        12 when name.SequenceEqual("service_tier"u8) => RequestField.ServiceTier,
        21 when name.SequenceEqual("max_completion_tokens"u8) => RequestField.MaxCompletionTokens,
        _ => RequestField.Other,
    };

    private static RequestField FindMessages(ReadOnlySpan<byte> name) => name.Length switch
    {
        5 when name.SequenceEqual("model"u8) => RequestField.Model,
        5 when name.SequenceEqual("tools"u8) => RequestField.Tools,
        5 when name.SequenceEqual("speed"u8) => RequestField.Speed,
        6 when name.SequenceEqual("stream"u8) => RequestField.Stream,
        6 when name.SequenceEqual("system"u8) => RequestField.System,
        6 when name.SequenceEqual("models"u8) => RequestField.OtherModels,
        8 when name.SequenceEqual("messages"u8) => RequestField.Messages,
        8 when name.SequenceEqual("thinking"u8) => RequestField.Thinking,
        9 when name.SequenceEqual("container"u8) => RequestField.Container,
        9 when name.SequenceEqual("fallbacks"u8) => RequestField.Fallbacks,
        10 when name.SequenceEqual("max_tokens"u8) => RequestField.MaxTokens,
        11 when name.SequenceEqual("mcp_servers"u8) => RequestField.McpServers,
        12 when name.SequenceEqual("service_tier"u8) => RequestField.ServiceTier,
        12 when name.SequenceEqual("workspace_id"u8) => RequestField.BilledWorkspace,
        13 when name.SequenceEqual("inference_geo"u8) => RequestField.InferenceGeo,
        18 when name.SequenceEqual("context_management"u8) => RequestField.ContextManagement,
        _ => RequestField.Other,
    };

    private static RequestField FindChat(ReadOnlySpan<byte> name) => name.Length switch
    {
        1 when name[0] == 'n' => RequestField.N,
        5 when name.SequenceEqual("model"u8) => RequestField.Model,
        5 when name.SequenceEqual("store"u8) => RequestField.Store,
        5 when name.SequenceEqual("tools"u8) => RequestField.Tools,
        5 when name.SequenceEqual("audio"u8) => RequestField.Audio,
        6 when name.SequenceEqual("stream"u8) => RequestField.Stream,
        6 when name.SequenceEqual("models"u8) => RequestField.OtherModels,
        6 when name.SequenceEqual("preset"u8) => RequestField.Preset,
        7 when name.SequenceEqual("plugins"u8) => RequestField.Plugins,
        7 when name.SequenceEqual("best_of"u8) => RequestField.BestOf,
        8 when name.SequenceEqual("provider"u8) => RequestField.Provider,
        8 when name.SequenceEqual("messages"u8) => RequestField.Messages,
        9 when name.SequenceEqual("functions"u8) => RequestField.Functions,
        9 when name.SequenceEqual("fallbacks"u8) => RequestField.Fallbacks,
        10 when name.SequenceEqual("max_tokens"u8) => RequestField.MaxTokens,
        10 when name.SequenceEqual("modalities"u8) => RequestField.Modalities,
        10 when name.SequenceEqual("prediction"u8) => RequestField.Prediction,
        12 when name.SequenceEqual("service_tier"u8) => RequestField.ServiceTier,
        12 when name.SequenceEqual("data_sources"u8) => RequestField.DataSources,
        13 when name.SequenceEqual("enable_search"u8) => RequestField.EnableSearch,
        14 when name.SequenceEqual("stream_options"u8) => RequestField.StreamOptions,
        17 when name.SequenceEqual("search_parameters"u8) => RequestField.SearchParameters,
        18 when name.SequenceEqual("web_search_options"u8) => RequestField.WebSearchOptions,
        21 when name.SequenceEqual("max_completion_tokens"u8) => RequestField.MaxCompletionTokens,
        _ => RequestField.Other,
    };

    public static string Name(RequestField field) => field switch
    {
        RequestField.Model => "model",
        RequestField.Stream => "stream",
        RequestField.StreamOptions => "stream_options",
        RequestField.IncludeUsage => "stream_options.include_usage",
        RequestField.MaxTokens => "max_tokens",
        RequestField.MaxCompletionTokens => "max_completion_tokens",
        RequestField.N => "n",
        RequestField.BestOf => "best_of",
        RequestField.Store => "store",
        RequestField.ServiceTier => "service_tier",
        RequestField.Messages => "messages",
        RequestField.Tools => "tools",
        RequestField.Functions => "functions",
        RequestField.Modalities => "modalities",
        RequestField.Audio => "audio",
        RequestField.WebSearchOptions => "web_search_options",
        RequestField.Prediction => "prediction",
        RequestField.OtherModels => "models",
        RequestField.Fallbacks => "fallbacks",
        RequestField.Plugins => "plugins",
        RequestField.SearchParameters => "search_parameters",
        RequestField.EnableSearch => "enable_search",
        RequestField.DataSources => "data_sources",
        RequestField.System => "system",
        RequestField.Thinking => "thinking",
        RequestField.BudgetTokens => "thinking.budget_tokens",
        RequestField.Container => "container",
        RequestField.McpServers => "mcp_servers",
        RequestField.ContextManagement => "context_management",
        RequestField.Speed => "speed",
        RequestField.InferenceGeo => "inference_geo",
        RequestField.Input or RequestField.EmbeddingInput => "input",
        RequestField.Prompt or RequestField.CompletionPrompt => "prompt",
        RequestField.Echo => "echo",
        RequestField.Background => "background",
        RequestField.Conversation => "conversation",
        RequestField.MaxOutputTokens => "max_output_tokens",
        RequestField.PreviousResponse => "previous_response_id",
        RequestField.BilledWorkspace => "workspace_id",
        RequestField.Provider => "provider",
        RequestField.Preset => "preset",
        _ => "",
    };

    /// <summary>Whether a service tier costs no more than the listed price.</summary>
    public static bool IsListedTier(Operation operation, ReadOnlySpan<byte> tier) => operation == Operation.Messages
        ? tier.SequenceEqual("auto"u8) || tier.SequenceEqual("standard_only"u8)
        : tier.SequenceEqual("default"u8) || tier.SequenceEqual("flex"u8);

    /// <summary>Whether a tool of this type is run by the client.</summary>
    public static bool IsClientTool(ReadOnlySpan<byte> type) => type.SequenceEqual("function"u8) || type.SequenceEqual("custom"u8);

    /// <summary>A member of a content part that holds or refers to an image.</summary>
    public static bool IsImage(ReadOnlySpan<byte> name) => name.SequenceEqual("image_url"u8);

    /// <summary>The type of a content part that is an image.</summary>
    public static bool IsImageType(ReadOnlySpan<byte> type) =>
        type.SequenceEqual("image_url"u8) || type.SequenceEqual("input_image"u8) || type.SequenceEqual("image"u8);

    /// <summary>A member of a content part that refers to something beyond its own bytes.</summary>
    public static bool IsMedia(ReadOnlySpan<byte> name) =>
        name.SequenceEqual("input_audio"u8) || name.SequenceEqual("file"u8)
        || name.SequenceEqual("video_url"u8) || name.SequenceEqual("audio_url"u8) || name.SequenceEqual("image"u8)
        || name.SequenceEqual("audio"u8) || name.SequenceEqual("video"u8) || name.SequenceEqual("input_image"u8)
        || name.SequenceEqual("input_file"u8) || name.SequenceEqual("document"u8)
        || name.SequenceEqual("image_embeds"u8) || name.SequenceEqual("audio_embeds"u8);

    /// <summary>The type of a content part or tool call that is text, all of it in the body.</summary>
    public static bool IsTextual(ReadOnlySpan<byte> type) =>
        type.SequenceEqual("text"u8) || type.SequenceEqual("refusal"u8) || type.SequenceEqual("function"u8)
        || type.SequenceEqual("custom"u8) || type.SequenceEqual("input_text"u8) || type.SequenceEqual("output_text"u8)
        || type.SequenceEqual("tool_use"u8) || type.SequenceEqual("tool_result"u8) || type.SequenceEqual("thinking"u8)
        || type.SequenceEqual("redacted_thinking"u8) || type.SequenceEqual("summary_text"u8) || type.SequenceEqual("reasoning_text"u8);

    /// <summary>The type of an item of a response's input that is text, all of it in the body.</summary>
    public static bool IsTextualItem(ReadOnlySpan<byte> type) =>
        type.SequenceEqual("message"u8) || type.SequenceEqual("function_call"u8) || type.SequenceEqual("function_call_output"u8)
        || type.SequenceEqual("reasoning"u8) || type.SequenceEqual("custom_tool_call"u8) || type.SequenceEqual("custom_tool_call_output"u8);
}
