using System.Buffers;
using System.Text.Json;
using Crew.Kernel;

namespace Crew.Gateway.Dialects.Translation;

/// <summary>
/// Reads a request of one dialect as a <see cref="Conversation"/>. Every field is either carried, or without effect in its value, or a hint,
/// or refused by its name: none is dropped in silence. Readers are used once.
/// </summary>
internal abstract class RequestReader
{
    private const int MaxDepthLevels = RequestScan.MaxDepthLevels + 2;

    private readonly List<string> _hints = [];
    private Fault? _fault;

    protected List<string> System { get; } = [];

    protected List<Turn> Turns { get; } = [];

    protected List<Tool> Tools { get; } = [];

    protected ToolChoice? Choice { get; set; }

    protected bool? IsParallel { get; set; }

    protected string? Temperature { get; set; }

    protected string? TopP { get; set; }

    protected List<string> Stop { get; } = [];

    protected string? User { get; set; }

    protected string? Effort { get; set; }

    protected OutputFormat? Format { get; set; }

    protected string? Verbosity { get; set; }

    /// <summary>What the dialect calls its fields.</summary>
    protected abstract FieldNames Names { get; }

    /// <summary>The instructions in the order in which they count.</summary>
    protected virtual IReadOnlyList<string> SystemTexts => System;

    public Outcome<Conversation> Read(ReadOnlySequence<byte> body)
    {
        try
        {
            using var document = JsonDocument.Parse(body, new JsonDocumentOptions { MaxDepth = MaxDepthLevels });
            foreach (var member in document.RootElement.EnumerateObject())
            {
                TakeMember(member.Name, member.Value);
            }
        }
        catch (Exception broken) when (broken is JsonException or InvalidOperationException)
        {
            // Half a surrogate pair is legal JSON and no text, and so is a number where a text belongs.
            return _fault ?? GatewayFaults.NotCarried("body", "holds a value of a kind that its dialect does not have at that place.");
        }

        return _fault is { } refused
            ? refused
            : new Conversation
            {
                System = SystemTexts,
                Turns = Turns,
                Tools = Tools,
                Choice = Choice is { Use: ToolUse.Auto } ? null : Choice,
                IsParallel = Choice is { Use: ToolUse.None } ? null : IsParallel,
                Temperature = Temperature,
                TopP = TopP,
                Stop = Stop,
                User = User,
                Effort = Effort,
                Format = Format,
                Verbosity = Verbosity,
                Names = Names,
                Hints = _hints,
            };
    }

    /// <summary>One member of the body.</summary>
    protected abstract void TakeMember(string name, JsonElement value);

    /// <summary>What cannot be carried ends the translation; the first one is named.</summary>
    protected void Refuse(string field, string why = "has no counterpart in the dialect of the model's provider.") =>
        _fault ??= GatewayFaults.NotCarried(field, why);

    /// <summary>Notes a field that is left out and changes no word of the answer.</summary>
    protected void Hint(string field)
    {
        if (!_hints.Contains(field))
        {
            _hints.Add(field);
        }
    }

    /// <summary>Refuses anything but <c>null</c> and the values without effect.</summary>
    protected void Only(string field, JsonElement value, params ReadOnlySpan<string> without)
    {
        var text = value.GetRawText();
        if (value.ValueKind == JsonValueKind.Null)
        {
            return;
        }

        foreach (var one in without)
        {
            if (text == one)
            {
                return;
            }
        }

        Refuse(field);
    }

    /// <summary>The members of an object; refuses anything else.</summary>
    protected IEnumerable<JsonProperty> Members(string field, JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.Object)
        {
            return value.EnumerateObject();
        }

        Refuse(field, "must be an object.");
        return [];
    }

    /// <summary>The items of a list with their names; refuses anything else.</summary>
    protected IEnumerable<(string Field, JsonElement Value)> Items(string field, JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.Array)
        {
            return value.EnumerateArray().Select((item, index) => ($"{field}[{index}]", item));
        }

        Refuse(field, "must be a list.");
        return [];
    }

    /// <summary>A text; null for <c>null</c>.</summary>
    protected string? Text(string field, JsonElement value)
    {
        if (value.ValueKind is JsonValueKind.String or JsonValueKind.Null)
        {
            return value.GetString();
        }

        Refuse(field, "must be a text.");
        return null;
    }

    /// <summary>A number in the text in which it was written; null for <c>null</c>.</summary>
    protected string? Number(string field, JsonElement value)
    {
        if (value.ValueKind is JsonValueKind.Number)
        {
            return value.GetRawText();
        }

        Only(field, value);
        return null;
    }

    /// <summary>Adds parts to the turn that is under way, or begins one.</summary>
    protected void Say(bool isAssistant, IReadOnlyList<Part> parts)
    {
        if (parts.Count == 0)
        {
            return;
        }

        if (Turns.Count > 0 && Turns[^1].IsAssistant == isAssistant)
        {
            Turns[^1] = Turns[^1] with { Parts = [.. Turns[^1].Parts, .. parts] };
        }
        else
        {
            Turns.Add(new Turn(isAssistant, parts));
        }
    }

    /// <summary>The arguments of a call: one JSON object, in the text in which they were written.</summary>
    protected string Arguments(string field, string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            return "{}";
        }

        try
        {
            using var parsed = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = MaxDepthLevels });
            if (parsed.RootElement.ValueKind == JsonValueKind.Object)
            {
                return text;
            }
        }
        catch (JsonException)
        {
            // Said below.
        }

        Refuse(field, "must be one JSON object.");
        return "{}";
    }

    /// <summary>An image from an address: a <c>data:</c> one holds the image itself.</summary>
    protected ImagePart Image(string field, string? url)
    {
        const string Base64 = ";base64,";
        if (url is null || !url.StartsWith("data:", StringComparison.OrdinalIgnoreCase))
        {
            return new ImagePart(null, null, url ?? "");
        }

        var at = url.IndexOf(Base64, StringComparison.OrdinalIgnoreCase);
        if (at < 0)
        {
            Refuse(field, "must be an address, or data:TYPE;base64,… with the image itself.");
            return new ImagePart(null, null, url);
        }

        return new ImagePart(url[5..at], url[(at + Base64.Length)..], null);
    }

    /// <summary>A schema that the answer must follow, with its name.</summary>
    protected OutputFormat ReadSchema(string field, IEnumerable<JsonProperty> members)
    {
        var format = new OutputFormat("json_schema", null, null, null, null);
        foreach (var member in members)
        {
            var name = $"{field}.{member.Name}";
            switch (member.Name)
            {
                case "name":
                    format = format with { Name = Text(name, member.Value) };
                    break;
                case "description":
                    format = format with { Description = Text(name, member.Value) };
                    break;
                case "schema" when member.Value.ValueKind == JsonValueKind.Object:
                    format = format with { Schema = member.Value.GetRawText() };
                    break;
                case "strict" when member.Value.ValueKind != JsonValueKind.Null:
                    format = format with { IsStrict = member.Value.GetBoolean() };
                    break;
                default:
                    Only(name, member.Value);
                    break;
            }
        }

        return format;
    }

    protected void TakeEffort(string field, JsonElement value)
    {
        var effort = Text(field, value);
        if (effort is null or "low" or "medium" or "high" or "xhigh")
        {
            Effort = effort ?? Effort;
        }
        else if (effort is not "none")
        {
            Refuse(field, "can be carried as low, medium, high or xhigh only.");
        }
    }
}
