using Crew.Gateway.Metering;

namespace Crew.Gateway.Sandbox;

/// <summary>A model that answers from within the process.</summary>
internal sealed record SandboxModel(string Id, string InputPrice, string OutputPrice, int ContextWindowTokens, int MaxOutputTokens)
{
    /// <summary>Nominal, so that budgets can be tried out without a provider's bill.</summary>
    public PriceList Prices => PriceList.Parse(InputPrice, OutputPrice).Value;
}

/// <summary>The models of the sandbox: real wire behaviour, no network, no credential.</summary>
internal static class SandboxModels
{
    /// <summary>Answers with the last user message.</summary>
    public const string Echo = "crew-sandbox-echo";

    /// <summary>Does what directives in the last user message say; see <see cref="ScriptDirectives"/>.</summary>
    public const string Script = "crew-sandbox-script";

    /// <summary>Gives vectors, at the embeddings endpoint only.</summary>
    public const string Embed = "crew-sandbox-embed";

    public static readonly IReadOnlyList<SandboxModel> All =
    [
        new(Echo, "1.00", "2.00", 131_072, 4_096),
        new(Script, "1.00", "2.00", 131_072, 16_384),
        new(Embed, "0.10", "0", 8_192, 1),
    ];

    public static bool IsChat(string model) => model is Echo or Script;
}
