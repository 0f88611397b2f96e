using System.Text;
using System.Text.Json;
using Crew.Kernel;

namespace Crew.Gateway.Sandbox;

/// <summary>In which form the sandbox is asked.</summary>
internal enum SandboxFormat
{
    Chat,
    Message,
    Count,
    Response,
}

/// <summary>A request as a provider reads it: parsed, checked, complete.</summary>
internal sealed record SandboxRequest(
    SandboxFormat Format, string Model, string Prompt, int PromptTokens, int Choices, int? Cap, bool Stream, bool IncludeUsage, IReadOnlySet<string> Tools)
{
    private const int MaxDepthLevels = 512;

    /// <summary>Any bytes give a request or a fault.</summary>
    public static Outcome<SandboxRequest> Parse(ReadOnlyMemory<byte> body, SandboxFormat format)
    {
        try
        {
            using var document = JsonDocument.Parse(body, new JsonDocumentOptions { MaxDepth = MaxDepthLevels });
            var root = document.RootElement;
            return root.ValueKind == JsonValueKind.Object ? Read(root, format) : Bad(null, "The body must be a JSON object.");
        }
        catch (Exception broken) when (broken is JsonException or InvalidOperationException or FormatException)
        {
            // Besides broken JSON, half a surrogate pair ends here: it is legal JSON but no text.
            return Bad(null, "The body could not be parsed as JSON text.");
        }
    }

    private static Fault Bad(string? field, string message)
    {
        var fault = new Fault("invalid_value", 400, message);
        return field is null ? fault : fault.At(field);
    }

    private static Outcome<SandboxRequest> Read(JsonElement root, SandboxFormat format)
    {
        if (Get(root, "model") is not { ValueKind: JsonValueKind.String } model)
        {
            return Bad("model", "You must provide a model parameter.");
        }

        if (!SandboxModels.IsChat(model.GetString()!))
        {
            return new Fault("model_not_found", 404, "The sandbox has no chat model of this name.").At("model");
        }

        if (format == SandboxFormat.Response)
        {
            return ReadResponse(root, model.GetString()!);
        }

        if (Get(root, "messages") is not { ValueKind: JsonValueKind.Array } messages || messages.GetArrayLength() == 0)
        {
            return Bad("messages", "The messages must be a list with at least one message.");
        }

        foreach (var name in new[] { "n", "max_tokens", "max_completion_tokens" })
        {
            if (Get(root, name) is { } number
                && (number.ValueKind != JsonValueKind.Number || !number.TryGetInt32(out var value) || value < 1))
            {
                return Bad(name, "The value must be a positive integer.");
            }
        }

        if (format != SandboxFormat.Chat)
        {
            return ReadMessage(root, format, model.GetString()!, messages);
        }

        var choices = Get(root, "n")?.GetInt32() ?? 1;
        var stream = Get(root, "stream")?.ValueKind == JsonValueKind.True;
        var options = Get(root, "stream_options");
        if (choices > 128 || (options is not null && !stream))
        {
            return choices > 128 ? Bad("n", "At most 128 choices.") : Bad("stream_options", "Only allowed when stream is true.");
        }

        var (prompt, tokens) = ReadMessages(messages);
        if (prompt is null)
        {
            return Bad("messages", "Every message must be an object with a role.");
        }

        return new SandboxRequest(format, model.GetString()!, prompt, tokens + ToolTokens(root), choices,
            (Get(root, "max_completion_tokens") ?? Get(root, "max_tokens"))?.GetInt32(), stream,
            options is { ValueKind: JsonValueKind.Object } o && Get(o, "include_usage")?.ValueKind == JsonValueKind.True, ToolNames(root));
    }

    private static Outcome<SandboxRequest> ReadResponse(JsonElement root, string model)
    {
        if (Get(root, "max_output_tokens") is { } cap && (cap.ValueKind != JsonValueKind.Number || !cap.TryGetInt32(out var value) || value < 1))
        {
            return Bad("max_output_tokens", "The value must be a positive integer.");
        }

        var input = Get(root, "input");
        var (prompt, tokens) = input is { ValueKind: JsonValueKind.String } text ? (text.GetString(), SandboxTokens.Count(text.GetString()!))
            : input is { ValueKind: JsonValueKind.Array } items ? ReadItems(items)
            : (null, 0);
        return prompt is null
            ? Bad("input", "The input must be a text or a list of items.")
            : new SandboxRequest(SandboxFormat.Response, model, prompt, tokens + SandboxTokens.Count(TextOf(Get(root, "instructions"))) + ToolTokens(root), 1,
                Get(root, "max_output_tokens")?.GetInt32(), Get(root, "stream")?.ValueKind == JsonValueKind.True, false, ToolNames(root));
    }

    private static (string? Prompt, int Tokens) ReadItems(JsonElement items)
    {
        var (prompt, tokens) = ("", 0);
        foreach (var item in items.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Object)
            {
                return (null, 0);
            }

            var text = TextOf(Get(item, "content") ?? Get(item, "output") ?? Get(item, "arguments"));
            tokens += SandboxTokens.Count(text);
            prompt = Get(item, "role") is { ValueKind: JsonValueKind.String } role && role.ValueEquals("user") ? text : prompt;
        }

        return (prompt, tokens);
    }

    private static Outcome<SandboxRequest> ReadMessage(JsonElement root, SandboxFormat format, string model, JsonElement messages)
    {
        var cap = Get(root, "max_tokens")?.GetInt32();
        if (cap is null && format == SandboxFormat.Message)
        {
            return Bad("max_tokens", "max_tokens: Field required.");
        }

        var (prompt, tokens) = ReadMessages(messages);
        return prompt is null
            ? Bad("messages", "Every message must be an object with a role.")
            : new SandboxRequest(format, model, prompt, tokens + SandboxTokens.Count(TextOf(Get(root, "system"))) + ToolTokens(root), 1, cap,
                Get(root, "stream")?.ValueKind == JsonValueKind.True, false, ToolNames(root));
    }

    /// <summary>The member, or null where it is missing or <c>null</c>.</summary>
    private static JsonElement? Get(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private static (string? Prompt, int Tokens) ReadMessages(JsonElement messages)
    {
        var (prompt, tokens) = ("", 0);
        foreach (var message in messages.EnumerateArray())
        {
            if (message.ValueKind != JsonValueKind.Object || Get(message, "role") is not { ValueKind: JsonValueKind.String } role)
            {
                return (null, 0);
            }

            var text = TextOf(Get(message, "content"));
            tokens += SandboxTokens.Count(text);
            prompt = role.ValueEquals("user") ? text : prompt;
        }

        return (prompt, tokens);
    }

    private static string TextOf(JsonElement? content)
    {
        if (content is not { ValueKind: JsonValueKind.Array } parts)
        {
            return content is { ValueKind: JsonValueKind.String } whole ? whole.GetString()! : "";
        }

        var text = new StringBuilder();
        foreach (var part in parts.EnumerateArray())
        {
            if (part.ValueKind == JsonValueKind.Object && Get(part, "text") is { ValueKind: JsonValueKind.String } piece)
            {
                text.Append(piece.GetString());
            }
        }

        return text.ToString();
    }

    private static int ToolTokens(JsonElement root) =>
        Get(root, "tools") is { ValueKind: JsonValueKind.Array } tools ? SandboxTokens.Count(tools.GetRawText()) : 0;

    private static HashSet<string> ToolNames(JsonElement root)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        var refused = Get(root, "tool_choice") is { } choice && (choice.ValueKind == JsonValueKind.String ? choice.ValueEquals("none")
            : choice.ValueKind == JsonValueKind.Object && Get(choice, "type") is { ValueKind: JsonValueKind.String } kind && kind.ValueEquals("none"));
        if (!refused && Get(root, "tools") is { ValueKind: JsonValueKind.Array } tools)
        {
            Collect(tools, names);
        }

        return names;
    }

    private static void Collect(JsonElement tools, HashSet<string> names)
    {
        foreach (var tool in tools.EnumerateArray())
        {
            // The chat dialect names a tool inside its function, the others at its top.
            if (tool.ValueKind == JsonValueKind.Object
                && Get(Get(tool, "function") is { ValueKind: JsonValueKind.Object } function ? function : tool, "name") is { ValueKind: JsonValueKind.String } name)
            {
                names.Add(name.GetString()!);
            }
        }
    }
}
