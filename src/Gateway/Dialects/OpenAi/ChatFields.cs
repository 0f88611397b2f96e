namespace Crew.Gateway.Dialects.OpenAi;

/// <summary>The fields of a chat request that the gateway reads.</summary>
internal enum ChatField
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
}

/// <summary>Names of fields and of content parts.</summary>
internal static class ChatFields
{
    public static ChatField Find(ReadOnlySpan<byte> name) => name.Length switch
    {
        1 when name[0] == 'n' => ChatField.N,
        5 when name.SequenceEqual("model"u8) => ChatField.Model,
        5 when name.SequenceEqual("store"u8) => ChatField.Store,
        5 when name.SequenceEqual("tools"u8) => ChatField.Tools,
        5 when name.SequenceEqual("audio"u8) => ChatField.Audio,
        6 when name.SequenceEqual("stream"u8) => ChatField.Stream,
        6 when name.SequenceEqual("models"u8) => ChatField.OtherModels,
        7 when name.SequenceEqual("plugins"u8) => ChatField.Plugins,
        7 when name.SequenceEqual("best_of"u8) => ChatField.BestOf,
        8 when name.SequenceEqual("messages"u8) => ChatField.Messages,
        9 when name.SequenceEqual("functions"u8) => ChatField.Functions,
        9 when name.SequenceEqual("fallbacks"u8) => ChatField.Fallbacks,
        10 when name.SequenceEqual("max_tokens"u8) => ChatField.MaxTokens,
        10 when name.SequenceEqual("modalities"u8) => ChatField.Modalities,
        10 when name.SequenceEqual("prediction"u8) => ChatField.Prediction,
        12 when name.SequenceEqual("service_tier"u8) => ChatField.ServiceTier,
        12 when name.SequenceEqual("data_sources"u8) => ChatField.DataSources,
        13 when name.SequenceEqual("enable_search"u8) => ChatField.EnableSearch,
        14 when name.SequenceEqual("stream_options"u8) => ChatField.StreamOptions,
        17 when name.SequenceEqual("search_parameters"u8) => ChatField.SearchParameters,
        18 when name.SequenceEqual("web_search_options"u8) => ChatField.WebSearchOptions,
        21 when name.SequenceEqual("max_completion_tokens"u8) => ChatField.MaxCompletionTokens,
        _ => ChatField.Other,
    };

    public static string Name(ChatField field) => field switch
    {
        ChatField.Model => "model",
        ChatField.Stream => "stream",
        ChatField.StreamOptions => "stream_options",
        ChatField.IncludeUsage => "stream_options.include_usage",
        ChatField.MaxTokens => "max_tokens",
        ChatField.MaxCompletionTokens => "max_completion_tokens",
        ChatField.N => "n",
        ChatField.BestOf => "best_of",
        ChatField.Store => "store",
        ChatField.ServiceTier => "service_tier",
        ChatField.Messages => "messages",
        ChatField.Tools => "tools",
        ChatField.Functions => "functions",
        ChatField.Modalities => "modalities",
        ChatField.Audio => "audio",
        ChatField.WebSearchOptions => "web_search_options",
        ChatField.Prediction => "prediction",
        ChatField.OtherModels => "models",
        ChatField.Fallbacks => "fallbacks",
        ChatField.Plugins => "plugins",
        ChatField.SearchParameters => "search_parameters",
        ChatField.EnableSearch => "enable_search",
        ChatField.DataSources => "data_sources",
        _ => "",
    };

    /// <summary>A member of a content part that refers to something beyond its own bytes.</summary>
    public static bool IsMedia(ReadOnlySpan<byte> name) =>
        name.SequenceEqual("image_url"u8) || name.SequenceEqual("input_audio"u8) || name.SequenceEqual("file"u8)
        || name.SequenceEqual("video_url"u8) || name.SequenceEqual("audio_url"u8) || name.SequenceEqual("image"u8)
        || name.SequenceEqual("audio"u8) || name.SequenceEqual("video"u8) || name.SequenceEqual("input_image"u8)
        || name.SequenceEqual("input_file"u8) || name.SequenceEqual("document"u8)
        || name.SequenceEqual("image_embeds"u8) || name.SequenceEqual("audio_embeds"u8);

    /// <summary>The type of a content part or tool call that is text, all of it in the body.</summary>
    public static bool IsTextual(ReadOnlySpan<byte> type) =>
        type.SequenceEqual("text"u8) || type.SequenceEqual("refusal"u8) || type.SequenceEqual("function"u8)
        || type.SequenceEqual("custom"u8) || type.SequenceEqual("input_text"u8) || type.SequenceEqual("output_text"u8);
}
