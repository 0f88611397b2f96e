namespace Crew.Gateway.Dialects;

/// <summary>What a chat request asks for, as far as it matters for the price and for the choice of a target.</summary>
[Flags]
internal enum RequestFeatures
{
    None = 0,

    /// <summary><c>tools</c> or <c>functions</c> are declared; providers wrap them in text of their own.</summary>
    Tools = 1,

    /// <summary>The answer may be audio (<c>modalities</c> or <c>audio</c>), which has its own price.</summary>
    AudioOutput = 2,

    /// <summary>A message refers to audio, video or a file, whose tokens the size of the body does not bound.</summary>
    MediaInput = 4,

    /// <summary><c>web_search_options</c>: searches are charged on top of tokens, and what they find is read as input.</summary>
    WebSearch = 8,

    /// <summary><c>prediction</c>: rejected predicted tokens are charged as output beyond the output cap.</summary>
    Prediction = 16,

    /// <summary>A way of serving, other than by <c>service_tier</c>, that may be dearer than the listed price.</summary>
    PricedTier = 32,

    /// <summary>
    /// Something that the provider runs by itself: a tool that is neither a function nor a custom one, a plugin, a data source. It
    /// may charge by use, and what it finds is read as input.
    /// </summary>
    HostedTools = 64,

    /// <summary>Input may be written to a cache that keeps it for an hour, which is dearer than the short one.</summary>
    LongCache = 128,

    /// <summary>The endpoint charges by images, seconds or characters, and only the model's own prices say whether the request bounds that.</summary>
    Unbounded = 256,

    /// <summary>A message holds or refers to an image: a link of fifty bytes may be a thousand tokens. Its model's limit bounds that, where it is known.</summary>
    ImageInput = 512,

    /// <summary>A <c>service_tier</c> that may be dearer than the listed price, and is bounded where it has a price of its own.</summary>
    NamedTier = 1024,

    /// <summary>An input so long that some models bill it at other prices, by a header; bounded where the model lists them.</summary>
    LongContext = 2048,
}
