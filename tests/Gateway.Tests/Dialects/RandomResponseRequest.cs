using System.Globalization;
using System.Text.Json.Nodes;

namespace Crew.Gateway.Tests.Dialects;

/// <summary>A request of the responses dialect with all that it has, and now and then something that no other has.</summary>
internal sealed class RandomResponseRequest
{
    private readonly Random _random;
    private readonly JsonObject _body = new() { ["model"] = "x" };
    private readonly List<string> _marks = [];

    public RandomResponseRequest(int seed)
    {
        _random = new Random(seed);

        // In any order: instructions come first, wherever they stand.
        _body["input"] = Often() ? Items() : Mark();
        if (Often())
        {
            _body["instructions"] = Mark();
        }

        if (Often())
        {
            _body["tools"] = new JsonArray(Tool(), Tool());
            AddChoice();
        }

        AddRest();
    }

    public (JsonObject Body, List<string> Marks) Made => (_body, _marks);

    private bool Often() => _random.Next(3) > 0;

    private bool Seldom() => _random.Next(10) == 0;

    private string Mark()
    {
        var mark = string.Create(CultureInfo.InvariantCulture, $"m{_random.Next():x}-{_marks.Count}");
        _marks.Add(mark);
        return mark;
    }

    private JsonArray Items()
    {
        var items = new JsonArray();
        if (Often())
        {
            items.Add(new JsonObject { ["role"] = Often() ? "developer" : "system", ["content"] = Often() ? Mark() : new JsonArray(Text("input_text"), Text("input_text")) });
        }

        items.Add(User());
        for (var turn = _random.Next(4); turn > 0; turn--)
        {
            var calls = _random.Next(3);
            if (Seldom())
            {
                items.Add(new JsonObject
                {
                    ["type"] = "reasoning", ["id"] = "rs_1", ["summary"] = new JsonArray(Text("summary_text")), ["encrypted_content"] = Often() ? Mark() : null,
                });
            }

            if (calls == 0 || Often())
            {
                items.Add(new JsonObject
                {
                    ["type"] = "message", ["id"] = "msg_1", ["role"] = "assistant", ["status"] = "completed",
                    ["content"] = Often() ? new JsonArray(Output()) : Mark(),
                });
            }

            for (var call = 0; call < calls; call++)
            {
                items.Add(new JsonObject
                {
                    ["type"] = "function_call", ["id"] = "fc_1", ["call_id"] = $"call_{call}", ["name"] = "f", ["arguments"] = $$"""{"a": "{{Mark()}}"}""",
                });
            }

            for (var call = 0; call < calls; call++)
            {
                items.Add(new JsonObject
                {
                    ["type"] = "function_call_output", ["call_id"] = $"call_{call}",
                    ["output"] = Often() ? Mark() : Seldom() ? new JsonArray(Image()) : new JsonArray(Text("input_text"), Text("input_text")),
                });
            }

            items.Add(User());
        }

        return items;
    }

    private JsonObject User() => new() { ["type"] = "message", ["role"] = "user", ["content"] = Often() ? Mark() : new JsonArray(Text("input_text"), Image()) };

    private JsonObject Text(string type) => new() { ["type"] = type, ["text"] = Mark() };

    private JsonObject Output() => new() { ["type"] = "output_text", ["annotations"] = new JsonArray(), ["text"] = Mark() };

    private JsonObject Image() => new()
    {
        ["type"] = "input_image", ["detail"] = "auto", ["image_url"] = Often() ? $"https://{Mark()}" : $"data:image/png;base64,{Mark()}",
    };

    private JsonObject Tool() => new()
    {
        ["type"] = "function", ["name"] = Mark(), ["description"] = Mark(), ["strict"] = Often(),
        ["parameters"] = new JsonObject { ["type"] = "object", ["properties"] = new JsonObject { [Mark()] = new JsonObject { ["type"] = "string" } } },
    };

    private void AddChoice()
    {
        _body["tool_choice"] = _random.Next(4) switch
        {
            0 => "auto",
            1 => "none",
            2 => "required",
            _ => new JsonObject { ["type"] = "function", ["name"] = Mark() },
        };
        if (Often())
        {
            _body["parallel_tool_calls"] = Often();
        }
    }

    private void AddRest()
    {
        if (Often())
        {
            _body["temperature"] = JsonNode.Parse(Often() ? "0.50" : "1");
            _body["top_p"] = JsonNode.Parse("0.9");
            _body["user"] = Mark();
        }

        if (!Often())
        {
            _body["reasoning"] = new JsonObject { ["effort"] = "low", ["summary"] = "auto" };
            _body["include"] = new JsonArray("reasoning.encrypted_content");
        }

        _body["text"] = _random.Next(8) switch
        {
            0 => new JsonObject { ["format"] = new JsonObject { ["type"] = "json_object" }, ["verbosity"] = "low" },
            1 => new JsonObject
            {
                ["format"] = new JsonObject { ["type"] = "json_schema", ["name"] = Mark(), ["schema"] = new JsonObject { ["title"] = Mark() }, ["strict"] = true },
            },
            _ => new JsonObject { ["format"] = new JsonObject { ["type"] = "text" } },
        };
        if (Seldom())
        {
            _body["truncation"] = "auto";
        }
    }
}
