using System.Globalization;
using System.Text;
using System.Text.Json;
using Crew.Gateway.Dialects.OpenAi;
using Crew.Gateway.Metering;
using Crew.Kernel;

namespace Crew.Gateway.Dialects.Translation;

/// <summary>
/// Says answers as responses: an item for each message, each piece of reasoning and each call, numbered events, and the whole of it
/// once more in the last one, as agents read it.
/// </summary>
internal sealed class ResponseAnswerWriter : AnswerStream
{
    private readonly List<Item> _items = [];
    private readonly Dictionary<int, Item> _calls = [];
    private string _id = "";
    private string _model = "";
    private long _created;
    private long _sequence = -1;
    private Item? _open;
    private StopReason? _stop;

    private enum Kind
    {
        Message,
        Reasoning,
        Call,
    }

    /// <summary>One item of the output.</summary>
    private sealed class Item(Kind kind, int index, string responseId)
    {
        public Kind Kind => kind;

        public int Index => index;

        public string Id { get; } = string.Create(CultureInfo.InvariantCulture,
            $"{(kind switch { Kind.Message => "msg", Kind.Reasoning => "rs", _ => "fc" })}_{responseId}_{index}");

        public StringBuilder Text { get; } = new();

        public string? Seal { get; set; }

        public string CallId { get; init; } = "";

        public string Name { get; init; } = "";

        public bool IsOver { get; set; }
    }

    public static void WriteWhole(Utf8JsonWriter json, Answer answer)
    {
        var items = new List<Item>();
        foreach (var part in answer.Parts)
        {
            var (kind, text) = part switch
            {
                CallPart call => (Kind.Call, call.Arguments),
                ThinkingPart thought => (Kind.Reasoning, thought.Text),
                SealedThinkingPart => (Kind.Reasoning, ""),
                _ => (Kind.Message, ((TextPart)part).Text),
            };
            var item = new Item(kind, items.Count, answer.Id)
            {
                IsOver = true, CallId = (part as CallPart)?.Id ?? "", Name = (part as CallPart)?.Name ?? "", Seal = SealOf(part),
            };
            item.Text.Append(text);
            items.Add(item);
        }

        WriteResponse(json, (answer.Id, answer.Model, answer.CreatedSeconds), items, answer.Stop, null, answer.Usage);
    }

    public override void Begin(string id, string model, long createdSeconds)
    {
        (_id, _model, _created) = (id, model, createdSeconds);
        foreach (var type in new[] { "response.created", "response.in_progress" })
        {
            Event(type, json =>
            {
                json.WritePropertyName("response"u8);
                WriteResponse(json, (_id, _model, _created), [], null, null, null);
            });
        }
    }

    public override void Text(string text)
    {
        var item = Enter(Kind.Message);
        item.Text.Append(text);
        Delta("response.output_text.delta", item, text);
    }

    public override void Think(string text)
    {
        var item = Enter(Kind.Reasoning);
        if (item.Text.Length == 0)
        {
            Part("response.reasoning_summary_part.added", item, "");
        }

        item.Text.Append(text);
        Delta("response.reasoning_summary_text.delta", item, text);
    }

    public override void Sign(string signature)
    {
        Enter(Kind.Reasoning).Seal = signature;
        Close();
    }

    public override void Seal(string data)
    {
        Close();
        Enter(Kind.Reasoning).Seal = ResponseParts.Seal(new SealedThinkingPart(data));
        Close();
    }

    public override void OpenCall(int call, string id, string name)
    {
        // Calls stay open beside each other: their events say which one they belong to.
        Close();
        _calls[call] = Add(new Item(Kind.Call, _items.Count, _id) { CallId = id, Name = name });
    }

    public override void Arguments(int call, string text)
    {
        if (_calls.TryGetValue(call, out var item) && !item.IsOver)
        {
            item.Text.Append(text);
            Delta("response.function_call_arguments.delta", item, text);
        }
    }

    public override void Finish(StopReason stop)
    {
        _stop = stop;
        Close();
        foreach (var call in _calls.Values.Where(static call => !call.IsOver).OrderBy(static call => call.Index))
        {
            Done(call);
        }
    }

    public override void End()
    {
        if (IsOver)
        {
            return;
        }

        if (_stop is null)
        {
            Finish(StopReason.End);
        }

        IsOver = true;
        Event(IsCut(_stop) ? "response.incomplete" : "response.completed", json =>
        {
            json.WritePropertyName("response"u8);
            WriteResponse(json, (_id, _model, _created), _items, _stop, null, Usage);
        });
    }

    public override void Ping() => Raw(": ping\n\n"u8);

    /// <summary>As the dialect's own end of a failure, which agents look for, and as an <c>error</c> event, which SDKs throw.</summary>
    public override void Fail(Fault fault, string requestId)
    {
        IsOver = true;
        Event("response.failed", json =>
        {
            json.WritePropertyName("response"u8);
            WriteResponse(json, (_id, _model, _created), [], null, fault, null);
        });
        Event("error", json => ResponseEvents.WriteError(json, fault));
    }

    private static bool IsCut(StopReason? stop) => stop is StopReason.Length or StopReason.Refusal;

    private static string? SealOf(Part part) => part switch
    {
        ThinkingPart { Signature: { Length: > 0 } signature } => signature,
        SealedThinkingPart hidden => ResponseParts.Seal(hidden),
        _ => null,
    };

    /// <param name="stop">Null while it goes on.</param>
    private static void WriteResponse(
        Utf8JsonWriter json, (string Id, string Model, long Created) head, IReadOnlyList<Item> items, StopReason? stop, Fault? fault, TokenCounts? usage)
    {
        json.WriteStartObject();
        json.WriteString("id"u8, head.Id);
        json.WriteString("object"u8, "response"u8);
        json.WriteNumber("created_at"u8, head.Created);
        json.WriteString("status"u8, fault is not null ? "failed"u8 : stop is null ? "in_progress"u8 : IsCut(stop) ? "incomplete"u8 : "completed"u8);
        ResponseEvents.WriteOutcome(json, fault, IsCut(stop) ? stop == StopReason.Refusal ? "content_filter" : "max_output_tokens" : null);
        json.WriteString("model"u8, head.Model);
        json.WriteStartArray("output"u8);
        foreach (var item in items)
        {
            WriteItem(json, item);
        }

        json.WriteEndArray();
        json.WriteBoolean("parallel_tool_calls"u8, true);
        json.WriteBoolean("store"u8, false);
        if (usage is { } counts)
        {
            ResponseEvents.WriteUsage(json, counts);
        }
        else
        {
            json.WriteNull("usage"u8);
        }

        json.WriteEndObject();
    }

    private static void WriteItem(Utf8JsonWriter json, Item item)
    {
        json.WriteStartObject();
        json.WriteString("id"u8, item.Id);
        json.WriteString("type"u8, item.Kind switch { Kind.Message => "message"u8, Kind.Reasoning => "reasoning"u8, _ => "function_call"u8 });
        switch (item.Kind)
        {
            case Kind.Message:
                json.WriteString("status"u8, item.IsOver ? "completed"u8 : "in_progress"u8);
                json.WriteString("role"u8, "assistant"u8);
                json.WriteStartArray("content"u8);
                if (item.IsOver)
                {
                    ResponseParts.WriteText(json, item.Text.ToString());
                }

                json.WriteEndArray();
                break;
            case Kind.Reasoning:
                ResponseParts.WriteThought(json, item.IsOver ? item.Text.ToString() : "", item.Seal);
                break;
            default:
                json.WriteString("status"u8, item.IsOver ? "completed"u8 : "in_progress"u8);
                ResponseParts.WriteCall(json, item.CallId, item.Name, item.IsOver ? item.Text.ToString() : "");
                break;
        }

        json.WriteEndObject();
    }

    /// <summary>Goes on in the open item where it is of that kind, and opens one where it is not.</summary>
    private Item Enter(Kind kind)
    {
        if (_open?.Kind == kind)
        {
            return _open;
        }

        Close();
        _open = Add(new Item(kind, _items.Count, _id));
        if (kind == Kind.Message)
        {
            Part("response.content_part.added", _open, "");
        }

        return _open;
    }

    private Item Add(Item item)
    {
        _items.Add(item);
        ItemEvent("response.output_item.added", item);
        return item;
    }

    private void Close()
    {
        if (_open is { } item)
        {
            _open = null;
            Done(item);
        }
    }

    private void Done(Item item)
    {
        item.IsOver = true;
        var text = item.Text.ToString();
        switch (item.Kind)
        {
            case Kind.Message:
                Event("response.output_text.done", json =>
                {
                    Place(json, item);
                    json.WriteString("text"u8, text);
                });
                Part("response.content_part.done", item, text);
                break;
            case Kind.Reasoning when text.Length > 0:
                Event("response.reasoning_summary_text.done", json =>
                {
                    Place(json, item);
                    json.WriteString("text"u8, text);
                });
                Part("response.reasoning_summary_part.done", item, text);
                break;
            case Kind.Call:
                Event("response.function_call_arguments.done", json =>
                {
                    Place(json, item);
                    json.WriteString("name"u8, item.Name);
                    json.WriteString("arguments"u8, text);
                });
                break;
        }

        ItemEvent("response.output_item.done", item);
    }

    private void ItemEvent(string type, Item item) => Event(type, json =>
    {
        json.WriteNumber("output_index"u8, item.Index);
        json.WritePropertyName("item"u8);
        WriteItem(json, item);
    });

    private void Part(string type, Item item, string text) => Event(type, json =>
    {
        Place(json, item);
        json.WritePropertyName("part"u8);
        if (item.Kind == Kind.Message)
        {
            ResponseParts.WriteText(json, text);
            return;
        }

        json.WriteStartObject();
        json.WriteString("type"u8, "summary_text"u8);
        json.WriteString("text"u8, text);
        json.WriteEndObject();
    });

    private void Delta(string type, Item item, string text) => Event(type, json =>
    {
        Place(json, item);
        json.WriteString("delta"u8, text);
    });

    private static void Place(Utf8JsonWriter json, Item item)
    {
        json.WriteString("item_id"u8, item.Id);
        json.WriteNumber("output_index"u8, item.Index);
        if (item.Kind != Kind.Call)
        {
            json.WriteNumber(item.Kind == Kind.Message ? "content_index"u8 : "summary_index"u8, 0);
        }
    }

    private void Event(string type, Action<Utf8JsonWriter> members) => Object(Encoding.ASCII.GetBytes($"event: {type}\ndata: "), json =>
    {
        json.WriteString("type"u8, type);
        json.WriteNumber("sequence_number"u8, ++_sequence);
        members(json);
    });
}
