using Crew.Gateway.Contracts;

namespace Crew.Host.Import;

/// <summary>A vendor by LiteLLM's name of it.</summary>
/// <param name="Name">How its provider is called here.</param>
/// <param name="Kind">Kind of the provider.</param>
/// <param name="BaseUrl">Where its API is unless the configuration says otherwise; null where it must.</param>
/// <param name="Variable">The variable that LiteLLM reads its key from when the configuration names none; null for servers that ask for none.</param>
internal sealed record Vendor(string Name, string Kind, string? BaseUrl, string? Variable);

/// <summary>The vendors whose API one of the provider kinds speaks. Addresses are those of the vendors' own documentation.</summary>
internal static class LiteLlmVendors
{
    private static readonly Dictionary<string, Vendor> _known = new(StringComparer.Ordinal)
    {
        ["openai"] = new("OpenAI", CatalogueProvider.OpenAi, "https://api.openai.com/v1", "OPENAI_API_KEY"),
        ["text-completion-openai"] = new("OpenAI", CatalogueProvider.OpenAi, "https://api.openai.com/v1", "OPENAI_API_KEY"),
        ["anthropic"] = new("Anthropic", CatalogueProvider.Anthropic, "https://api.anthropic.com/v1", "ANTHROPIC_API_KEY"),
        ["azure"] = new("Azure OpenAI", CatalogueProvider.Azure, null, "AZURE_API_KEY"),
        ["azure_ai"] = new("Azure AI", CatalogueProvider.OpenAi, null, "AZURE_AI_API_KEY"),
        ["deepseek"] = new("DeepSeek", CatalogueProvider.OpenAi, "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
        ["groq"] = new("Groq", CatalogueProvider.OpenAi, "https://api.groq.com/openai/v1", "GROQ_API_KEY"),
        ["mistral"] = new("Mistral", CatalogueProvider.OpenAi, "https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
        ["together_ai"] = new("Together", CatalogueProvider.OpenAi, "https://api.together.xyz/v1", "TOGETHERAI_API_KEY"),
        ["openrouter"] = new("OpenRouter", CatalogueProvider.OpenAi, "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
        ["fireworks_ai"] = new("Fireworks", CatalogueProvider.OpenAi, "https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY"),
        ["xai"] = new("xAI", CatalogueProvider.OpenAi, "https://api.x.ai/v1", "XAI_API_KEY"),
        ["cerebras"] = new("Cerebras", CatalogueProvider.OpenAi, "https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"),
        ["nvidia_nim"] = new("NVIDIA NIM", CatalogueProvider.OpenAi, "https://integrate.api.nvidia.com/v1", "NVIDIA_NIM_API_KEY"),
        ["deepinfra"] = new("DeepInfra", CatalogueProvider.OpenAi, "https://api.deepinfra.com/v1/openai", "DEEPINFRA_API_KEY"),
        ["gemini"] = new("Gemini", CatalogueProvider.OpenAi, "https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY"),
        ["hosted_vllm"] = new("vLLM", CatalogueProvider.OpenAi, null, null),
        ["openai_like"] = new("OpenAI-compatible", CatalogueProvider.OpenAi, null, null),
        ["custom_openai"] = new("OpenAI-compatible", CatalogueProvider.OpenAi, null, "OPENAI_API_KEY"),
        ["litellm_proxy"] = new("LiteLLM", CatalogueProvider.OpenAi, null, "LITELLM_PROXY_API_KEY"),
        ["lm_studio"] = new("LM Studio", CatalogueProvider.OpenAi, null, null),
        ["ollama"] = new("Ollama", CatalogueProvider.OpenAi, "http://localhost:11434/v1", null),
        ["ollama_chat"] = new("Ollama", CatalogueProvider.OpenAi, "http://localhost:11434/v1", null),
    };

    /// <summary>Vendors that LiteLLM translates to; their own APIs are none that Crew speaks.</summary>
    private static readonly HashSet<string> _foreign = new(StringComparer.Ordinal)
    {
        "bedrock", "bedrock_converse", "vertex_ai", "vertex_ai_beta", "palm", "sagemaker", "sagemaker_chat", "cohere", "cohere_chat", "replicate", "huggingface",
        "watsonx", "databricks", "predibase", "ai21", "ai21_chat", "nlp_cloud", "aleph_alpha", "cloudflare", "perplexity", "voyage", "jina_ai", "triton",
        "snowflake", "github", "oci", "azure_text", "gradient_ai", "petals", "maritalk", "clarifai", "deepgram", "elevenlabs", "assemblyai", "topaz", "recraft",
    };

    private static readonly string[] _openAiNames = ["gpt-", "o1", "o3", "o4", "chatgpt-", "text-embedding-", "omni-moderation", "dall-e", "whisper", "tts-", "davinci-", "babbage-"];

    /// <summary>Splits a model of <c>litellm_params</c> into its vendor and the vendor's name of the model; says why where there is none.</summary>
    public static (Vendor? Vendor, string Model, string? Problem) Of(string model, string? custom, bool hasBase)
    {
        var slash = model.IndexOf('/', StringComparison.Ordinal);
        var prefix = custom ?? (slash > 0 ? model[..slash] : null);
        var rest = slash > 0 && prefix == model[..slash] ? model[(slash + 1)..] : model;
        if (prefix is not null && _known.TryGetValue(prefix, out var vendor))
        {
            return (vendor, rest, null);
        }

        if (prefix is not null && (_foreign.Contains(prefix) || custom is not null))
        {
            return (null, rest, "the API of this vendor is none that Crew speaks; where the vendor offers an OpenAI-compatible one, add it as a provider of kind openai");
        }

        return hasBase ? (_known["openai_like"], model, null)
            : Array.Exists(_openAiNames, n => model.StartsWith(n, StringComparison.Ordinal)) ? (_known["openai"], model, null)
            : model.StartsWith("claude", StringComparison.Ordinal) ? (_known["anthropic"], model, null)
            : (null, model, "its vendor cannot be told from the name; write vendor/model");
    }
}
