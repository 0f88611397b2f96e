using Crew.Gateway.Dialects;
using Crew.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Crew.Gateway.Calls;

/// <summary>Where clients find the inference endpoints.</summary>
internal static class InferenceRoutes
{
    public static void Map(IEndpointRouteBuilder app)
    {
        MapPassThrough(app);
        Map(app, WireFormats.Chat)
            .WithName("Chat.Complete").WithSummary("A chat completion, in one piece or streamed, as OpenAI clients ask for it.").WithTags("Chat")
            .PassesOn("A request as OpenAI's chat completions take it; fields that Crew does not govern are passed on unchanged.",
                "A chat completion in OpenAI's form, or server-sent events of its chunks with stream: true.")
            .Example("""{"model": "crew-sandbox-echo", "messages": [{"role": "user", "content": "Hello"}]}""");
        Map(app, WireFormats.Responses)
            .WithName("Responses.Create").WithSummary("A response, in one piece or streamed, as OpenAI clients ask for it. Nothing is stored.").WithTags("Responses")
            .PassesOn("A request as OpenAI's responses take it; store is always false, and what needs stored responses is refused.",
                "A response in OpenAI's form, or its server-sent events with stream: true.")
            .Example("""{"model": "crew-sandbox-echo", "input": "Hello"}""");
        Map(app, WireFormats.Embeddings)
            .WithName("Embeddings.Create").WithSummary("Vectors for one or several texts, as floats or base64.").WithTags("Embeddings")
            .PassesOn("A request as OpenAI's embeddings take it.", "Vectors in OpenAI's form.")
            .Example("""{"model": "crew-sandbox-embed", "input": ["Hello", "World"], "encoding_format": "float"}""");
        Map(app, WireFormats.Messages)
            .WithName("Messages.Create").WithSummary("A message, in one piece or streamed, as Anthropic clients ask for it.").WithTags("Messages")
            .PassesOn("A request as Anthropic's messages take it; fields that Crew does not govern are passed on unchanged.",
                "A message in Anthropic's form, or server-sent events of its parts with stream: true.")
            .Example("""{"model": "crew-sandbox-echo", "max_tokens": 64, "messages": [{"role": "user", "content": "Hello"}]}""");
        Map(app, WireFormats.CountTokens)
            .WithName("Messages.CountTokens").WithSummary("Count the input tokens of a message without sending it. Costs nothing.").WithTags("Messages")
            .PassesOn("A request as Anthropic's count_tokens takes it.", "The number of input tokens, in Anthropic's form.")
            .Example("""{"model": "crew-sandbox-echo", "messages": [{"role": "user", "content": "Hello"}]}""");
    }

    private static void MapPassThrough(IEndpointRouteBuilder app)
    {
        foreach (var (format, name, summary, tag) in new[]
        {
            (WireFormats.Completions, "Completions.Create", "A completion of a text (the older form of chat).", "Completions"),
            (WireFormats.Moderations, "Moderations.Create", "Whether texts and images are objectionable. Costs nothing.", "Moderations"),
            (WireFormats.ImageGenerations, "Images.Generate", "Images from a text.", "Images"),
            (WireFormats.ImageEdits, "Images.Edit", "Images from images and a text.", "Images"),
            (WireFormats.ImageVariations, "Images.Vary", "Variations of an image.", "Images"),
            (WireFormats.Speech, "Audio.Speak", "Speech from a text; its bytes pass as they come.", "Audio"),
            (WireFormats.Transcriptions, "Audio.Transcribe", "The text of a recording.", "Audio"),
            (WireFormats.Translations, "Audio.Translate", "The text of a recording, in English.", "Audio"),
        })
        {
            Map(app, format).WithName(name).WithSummary(summary).WithTags(tag)
                .PassesOn("A request as OpenAI's endpoint takes it, forms (multipart/form-data) included; only model is read. Strict budgets do not pay for it.",
                    "The provider's answer as it came.")
                .Example("""{"model": "the-model", "input": "…"}""");
        }
    }

    private static IEndpointConventionBuilder Map(IEndpointRouteBuilder app, WireFormat format) =>
        app.MapPost(format.ClientPath, (RequestDelegate)(http => http.RequestServices.GetRequiredService<InferenceEndpoint>().HandleAsync(http, format)))
            .WithMetadata(new NotIdempotentRoute())
            .Requires(CrewSource.Header, "models:invoke")
            .Refuses("model_not_found", "model_not_priced", "insufficient_quota", "cost_not_boundable", "provider_unavailable", "provider_timeout",
                "provider_credentials_rejected", "rate_limit_exceeded", "unsupported_endpoint", "not_translatable", "invalid_value", "unknown_url");
}
