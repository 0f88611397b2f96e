namespace Crew.Http;

/// <summary>In which form errors are answered. Chosen by path alone, before authentication, so that clients always understand a refusal.</summary>
public enum Dialect
{
    Envelope,
    OpenAi,
    Anthropic,
    OAuth,
}

/// <summary>The choice of the dialect.</summary>
public static class Dialects
{
    /// <summary>First path segments below /v1 that belong to the gateway for good.</summary>
    private static readonly HashSet<string> GatewayNames = new(StringComparer.Ordinal)
    {
        "chat", "messages", "responses", "completions", "embeddings", "models", "moderations", "images", "audio", "files", "batches", "conversations", "realtime",
    };

    private static readonly HashSet<string>.AlternateLookup<ReadOnlySpan<char>> Lookup = GatewayNames.GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>The dialect of a path. <paramref name="anthropicVersion"/> says whether the header <c>anthropic-version</c> was sent.</summary>
    public static Dialect Of(ReadOnlySpan<char> path, bool anthropicVersion)
    {
        if (path.StartsWith("/oauth/", StringComparison.Ordinal))
        {
            return Dialect.OAuth;
        }

        if (!path.StartsWith("/v1/", StringComparison.Ordinal))
        {
            return Dialect.Envelope;
        }

        var rest = path[4..];
        var end = rest.IndexOf('/');
        var name = end < 0 ? rest : rest[..end];
        if (!Lookup.Contains(name))
        {
            return Dialect.Envelope;
        }

        return name is "messages" || (anthropicVersion && name is "models") ? Dialect.Anthropic : Dialect.OpenAi;
    }
}
