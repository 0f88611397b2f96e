using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Crew.Testing;

/// <summary>Renders answers of <c>/v1/responses</c> and <c>/v1/embeddings</c>.</summary>
internal static class MockResponses
{
    private const long Created = 1_767_225_600;

    /// <summary>A vector for each input: its number, then a tenth of it.</summary>
    public static byte[] RenderEmbeddings(MockRequest request, MockShare share) => Write(json =>
    {
        json.WriteStartObject();
        json.WriteString("object", "list");
        json.WriteStartArray("data");
        for (var index = 0; index < request.Inputs; index++)
        {
            float[] vector = [index, index / 10f];
            json.WriteStartObject();
            json.WriteString("object", "embedding");
            json.WriteNumber("index", index);
            if (request.WantsBase64)
            {
                json.WriteBase64String("embedding", System.Runtime.InteropServices.MemoryMarshal.AsBytes(vector.AsSpan()));
            }
            else
            {
                json.WriteStartArray("embedding");
                vector.ToList().ForEach(json.WriteNumberValue);
                json.WriteEndArray();
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteString("model", share.Model);
        json.WriteStartObject("usage");
        json.WriteNumber("prompt_tokens", share.Prompt);
        json.WriteNumber("total_tokens", share.Prompt);
        json.WriteEndObject();
        json.WriteEndObject();
    });

    public static byte[] RenderJson(MockBehavior behavior, MockShare share) => Write(json => Response(json, behavior, share, "whole"));

    public static MockFrames RenderFrames(MockBehavior behavior, MockShare share)
    {
        var sequence = 0;
        byte[] Event(string type, Action<Utf8JsonWriter> members) => Concat([Encoding.ASCII.GetBytes($"event: {type}\ndata: "), Write(json =>
        {
            json.WriteStartObject();
            json.WriteString("type", type);
            json.WriteNumber("sequence_number", sequence++);
            members(json);
            json.WriteEndObject();
        }), "\n\n"u8.ToArray()]);

        byte[] Whole(string type, string stage) => Event(type, json =>
        {
            json.WritePropertyName("response");
            Response(json, behavior, share, stage);
        });

        var head = Concat([Whole("response.created", "begun"), Whole("response.in_progress", "begun")]);
        var content = new List<byte[]>();
        var items = Items(behavior, share);
        for (var index = 0; index < items.Count; index++)
        {
            var (at, item) = (index, items[index]);
            var pieces = item.Pieces.Select(piece => Event(item.DeltaEvent, json =>
            {
                json.WriteString("item_id", item.Id);
                json.WriteNumber("output_index", at);
                if (!item.IsCall)
                {
                    json.WriteNumber(item.IsReasoning ? "summary_index" : "content_index", 0);
                }

                json.WriteString("delta", piece);
            })).ToList();
            var added = Event("response.output_item.added", json =>
            {
                json.WriteNumber("output_index", at);
                json.WritePropertyName("item");
                item.Write(json, isOver: false);
            });
            var done = Event("response.output_item.done", json =>
            {
                json.WriteNumber("output_index", at);
                json.WritePropertyName("item");
                item.Write(json, isOver: true);
            });
            if (pieces.Count == 0)
            {
                pieces.Add([]);
            }

            pieces[0] = Concat([added, pieces[0]]);
            pieces[^1] = Concat([pieces[^1], done]);
            content.AddRange(pieces);
        }

        var tail = Whole(IsCut(behavior, share) ? "response.incomplete" : "response.completed", "whole");
        return new MockFrames(head, [.. content], tail, Concat([head, .. content, tail]));
    }

    private sealed record Item(string Id, bool IsCall, bool IsReasoning, string Name, string CallId, IReadOnlyList<string> Pieces)
    {
        public string DeltaEvent => IsCall ? "response.function_call_arguments.delta"
            : IsReasoning ? "response.reasoning_summary_text.delta" : "response.output_text.delta";

        public void Write(Utf8JsonWriter json, bool isOver)
        {
            var text = isOver ? string.Concat(Pieces) : "";
            json.WriteStartObject();
            json.WriteString("id", Id);
            json.WriteString("type", IsCall ? "function_call" : IsReasoning ? "reasoning" : "message");
            if (IsCall)
            {
                json.WriteString("status", isOver ? "completed" : "in_progress");
                json.WriteString("call_id", CallId);
                json.WriteString("name", Name);
                json.WriteString("arguments", text);
            }
            else if (IsReasoning)
            {
                WriteParts(json, "summary", "summary_text", text, isOver);
                json.WriteString("encrypted_content", isOver ? MockMessages.Signature : "");
            }
            else
            {
                json.WriteString("status", isOver ? "completed" : "in_progress");
                json.WriteString("role", "assistant");
                WriteParts(json, "content", "output_text", text, isOver);
            }

            json.WriteEndObject();
        }

        private static void WriteParts(Utf8JsonWriter json, string member, string type, string text, bool isOver)
        {
            json.WriteStartArray(member);
            if (isOver)
            {
                json.WriteStartObject();
                json.WriteString("type", type);
                json.WriteString("text", text);
                if (type == "output_text")
                {
                    json.WriteStartArray("annotations");
                    json.WriteEndArray();
                }

                json.WriteEndObject();
            }

            json.WriteEndArray();
        }
    }

    private static List<Item> Items(MockBehavior behavior, MockShare share)
    {
        var items = new List<Item>();
        if (behavior.Thinking is { } thought)
        {
            items.Add(new Item("rs_mock", false, true, "", "", [thought]));
        }

        if (behavior.ToolCalls is not { Count: > 0 } || behavior.Text is not null)
        {
            items.Add(new Item("msg_mock", false, false, "", "", [.. MockMessages.Pieces(behavior, share)]));
        }

        for (var call = 0; call < (behavior.ToolCalls?.Count ?? 0); call++)
        {
            var arguments = behavior.ToolCalls![call].Arguments;
            items.Add(new Item(string.Create(CultureInfo.InvariantCulture, $"fc_mock_{call}"), true, false, behavior.ToolCalls[call].Name,
                string.Create(CultureInfo.InvariantCulture, $"call_mock_{call}"), [arguments[..(arguments.Length / 2)], arguments[(arguments.Length / 2)..]]));
        }

        return items;
    }

    private static bool IsCut(MockBehavior behavior, MockShare share) =>
        behavior.ToolCalls is not { Count: > 0 } && share.CompletionPerChoice < behavior.CompletionTokens;

    private static void Response(Utf8JsonWriter json, MockBehavior behavior, MockShare share, string stage)
    {
        var isOver = stage == "whole";
        var isCut = isOver && IsCut(behavior, share);
        json.WriteStartObject();
        json.WriteString("id", "resp_mock");
        json.WriteString("object", "response");
        json.WriteNumber("created_at", Created);
        json.WriteString("status", !isOver ? "in_progress" : isCut ? "incomplete" : "completed");
        json.WriteNull("error");
        if (isCut)
        {
            json.WriteStartObject("incomplete_details");
            json.WriteString("reason", "max_output_tokens");
            json.WriteEndObject();
        }
        else
        {
            json.WriteNull("incomplete_details");
        }

        json.WriteString("model", share.Model);
        json.WriteStartArray("output");
        if (isOver)
        {
            Items(behavior, share).ForEach(item => item.Write(json, isOver: true));
        }

        json.WriteEndArray();
        json.WriteBoolean("parallel_tool_calls", true);
        json.WriteString("tool_choice", "auto");
        json.WriteStartArray("tools");
        json.WriteEndArray();
        json.WritePropertyName("usage");
        if (!isOver || behavior.Usage == MockUsage.Missing)
        {
            json.WriteNullValue();
        }
        else
        {
            WriteUsage(json, share, behavior.Usage == MockUsage.Zero);
        }

        json.WriteEndObject();
    }

    private static void WriteUsage(Utf8JsonWriter json, MockShare share, bool zero)
    {
        json.WriteStartObject();
        json.WriteNumber("input_tokens", zero ? 0 : share.Prompt);
        json.WriteStartObject("input_tokens_details");
        json.WriteNumber("cached_tokens", zero ? 0 : share.Cached);
        json.WriteEndObject();
        json.WriteNumber("output_tokens", zero ? 0 : share.Completion);
        json.WriteStartObject("output_tokens_details");
        json.WriteNumber("reasoning_tokens", zero ? 0 : share.Reasoning);
        json.WriteEndObject();
        json.WriteNumber("total_tokens", zero ? 0 : share.Prompt + share.Completion);
        json.WriteEndObject();
    }

    private static byte[] Concat(IEnumerable<byte[]> parts) => [.. parts.SelectMany(part => part)];

    private static byte[] Write(Action<Utf8JsonWriter> body)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer))
        {
            body(json);
        }

        return buffer.WrittenSpan.ToArray();
    }
}
