using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Crew.Gateway.Dialects;
using Crew.Gateway.Dialects.Translation;
using Crew.Kernel;
using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using Xunit;

namespace Crew.Gateway.Tests.Dialects;

/// <summary>What goes over to another dialect and comes back is what went, or was refused by its name.</summary>
public sealed class TranslationTests
{
    private static readonly WriteTerms Terms = new("m", 100, false);

    [Theory]
    [InlineData("ChatCompletions", "Messages")]
    [InlineData("ChatCompletions", "Responses")]
    [InlineData("Messages", "ChatCompletions")]
    [InlineData("Messages", "Responses")]
    [InlineData("Responses", "ChatCompletions")]
    [InlineData("Responses", "Messages")]
    public void Over_and_back_nothing_is_lost_and_nothing_is_added(string client, string provider)
    {
        var (from, to) = (Enum.Parse<Operation>(client), Enum.Parse<Operation>(provider));
        Translations.Of(from).ShouldContain(to);
        var (carried, refused) = (0, 0);
        Prop.ForAll(Gen.Choose(0, int.MaxValue).ToArbitrary(), seed =>
        {
            var (made, marks) = from == Operation.Responses ? new RandomResponseRequest(seed).Made : new RandomRequest(seed, from, to).Made;
            var body = made.ToJsonString();
            var read = Translations.ReaderOf(from).Read(Bytes.Whole(body));
            if (read.Failed(out var fault) || (fault = Translations.WriterOf(to).Check(read.Value, Terms)) is not null)
            {
                refused++;
                ShouldName(fault);
                return;
            }

            carried++;
            var over = Translations.WriterOf(to).Write(read.Value, Terms);
            var text = Encoding.UTF8.GetString(over.Span);
            marks.Where(mark => !text.Contains(mark, StringComparison.Ordinal)).ShouldBeEmpty($"{body}\n{text}");
            var arrived = Translations.ReaderOf(to).Read(new ReadOnlySequence<byte>(over));
            arrived.Fault.ShouldBeNull(text);
            Show(arrived.Value).ShouldBe(Show(read.Value), $"{body}\n{text}");

            if (from == Operation.Responses && read.Value.Turns.SelectMany(turn => turn.Parts).Any(part => part is ThinkingPart { Signature: null }))
            {
                // A provider of responses takes no reasoning that it did not seal, so this does not come back.
                ShouldName(Translations.WriterOf(from).Check(arrived.Value, Terms));
                return;
            }

            Translations.WriterOf(from).Check(arrived.Value, Terms).ShouldBeNull();
            var back = Translations.ReaderOf(from).Read(new ReadOnlySequence<byte>(Translations.WriterOf(from).Write(arrived.Value, Terms)));
            Show(back.Value).ShouldBe(Show(read.Value));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(1_000));
        carried.ShouldBeGreaterThan(300);
        refused.ShouldBeGreaterThan(50);
    }

    [Theory]
    [InlineData("\"n\":2", "n")]
    [InlineData("\"logprobs\":true", "logprobs")]
    [InlineData("\"seed\":7", "seed")]
    [InlineData("\"response_format\":{\"type\":\"json_object\"}", "response_format.type")]
    [InlineData("\"audio\":{\"voice\":\"a\"}", "audio")]
    [InlineData("\"something_new\":1", "something_new")]
    [InlineData("\"temperature\":1.5", "temperature")]
    [InlineData("\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\"}]}]", "messages[0].content[0].type")]
    [InlineData("\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"system\",\"content\":\"b\"}]", "messages[1].role")]
    [InlineData("\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"x\",\"detail\":\"high\"}}]}]", "messages[0].content[0].image_url.detail")]
    [InlineData("\"tools\":[{\"type\":\"custom\"}]", "tools[0].type")]
    [InlineData("\"tool_choice\":{\"type\":\"allowed_tools\"}", "tool_choice")]
    public void What_a_chat_cannot_bring_to_messages_is_named(string member, string field) => Named(Operation.ChatCompletions, Operation.Messages, member, field);

    [Theory]
    [InlineData("\"top_k\":5", "top_k")]
    [InlineData("\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024}", "thinking.type")]
    [InlineData("\"mcp_servers\":[{}]", "mcp_servers")]
    [InlineData("\"stop_sequences\":[\"a\",\"b\",\"c\",\"d\",\"e\"]", "stop_sequences")]
    [InlineData("\"tools\":[{\"type\":\"web_search_20250305\",\"name\":\"w\"}]", "tools[0].type")]
    [InlineData("\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"document\"}]}]", "messages[0].content[0].type")]
    [InlineData("\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"a\",\"signature\":\"s\"}]}]", "messages[].content[].signature")]
    [InlineData("\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t\",\"is_error\":true}]}]", "messages[].content[].is_error")]
    public void What_messages_cannot_bring_to_a_chat_is_named(string member, string field) => Named(Operation.Messages, Operation.ChatCompletions, member, field);

    [Theory]
    [InlineData("\"truncation\":\"auto\"", "truncation")]
    [InlineData("\"include\":[\"message.output_text.logprobs\"]", "include[0]")]
    [InlineData("\"max_tool_calls\":3", "max_tool_calls")]
    [InlineData("\"top_logprobs\":2", "top_logprobs")]
    [InlineData("\"something_new\":1", "something_new")]
    [InlineData("\"tools\":[{\"type\":\"web_search\"}]", "tools[0].type")]
    [InlineData("\"tools\":[{\"type\":\"custom\",\"name\":\"c\"}]", "tools[0].type")]
    [InlineData("\"tool_choice\":{\"type\":\"file_search\"}", "tool_choice")]
    [InlineData("\"input\":[{\"type\":\"computer_call\"}]", "input[0].type")]
    [InlineData("\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_file\",\"file_id\":\"f\"}]}]", "input[0].content[0].type")]
    [InlineData("\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_image\",\"file_id\":\"f\"}]}]", "input[0].content[0].file_id")]
    [InlineData("\"input\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"developer\",\"content\":\"b\"}]", "input[1].role")]
    [InlineData("\"input\":[{\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":\"s\"}]", "input[].encrypted_content")]
    [InlineData("\"input\":[{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"[]\"}]", "input[0].arguments")]
    [InlineData("\"input\":[{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":[{\"type\":\"input_image\",\"image_url\":\"x\"}]}]", "input[].output")]
    public void What_a_response_cannot_bring_to_a_chat_is_named(string member, string field) => Named(Operation.Responses, Operation.ChatCompletions, member, field);

    [Theory]
    [InlineData("ChatCompletions", "\"stop\":[\"a\"]", "stop")]
    [InlineData("ChatCompletions", "\"messages\":[{\"role\":\"assistant\",\"reasoning_content\":\"a\"}]", "messages[].reasoning_content")]
    [InlineData("Messages", "\"stop_sequences\":[\"a\"]", "stop_sequences")]
    [InlineData("Messages", "\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"redacted_thinking\",\"data\":\"d\"}]}]", "messages[].content[].type")]
    public void What_cannot_be_brought_to_a_response_is_named(string client, string member, string field) =>
        Named(Enum.Parse<Operation>(client), Operation.Responses, member, field);

    [Theory]
    [InlineData("\"text\":{\"format\":{\"type\":\"json_object\"}}", "text.format.type")]
    [InlineData("\"text\":{\"verbosity\":\"low\"}", "text.verbosity")]
    [InlineData("\"temperature\":1.5", "temperature")]
    [InlineData("\"input\":[{\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\",\"text\":\"a\"}]}]", "input[].encrypted_content")]
    public void What_a_response_cannot_bring_to_messages_is_named(string member, string field) => Named(Operation.Responses, Operation.Messages, member, field);

    [Fact]
    public void A_schema_for_the_answer_goes_over_from_chats_to_responses_and_back()
    {
        const string Schema = """{"type":"object","properties":{"a":{"const":1.0}}}""";
        var chat = new ChatRequestReader().Read(Bytes.Whole(
            $$$"""{"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{{{Schema}}},"strict":true}},"verbosity":"low"}""")).Value;
        var over = Encoding.UTF8.GetString(new ResponseRequestWriter().Write(chat, Terms).Span);
        over.ShouldContain("\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"n\",\"schema\":" + Schema + ",\"strict\":true},\"verbosity\":\"low\"}");
        var back = new ResponseRequestReader().Read(Bytes.Whole(over)).Value;
        (back.Format, back.Verbosity).ShouldBe((chat.Format, chat.Verbosity));
        Encoding.UTF8.GetString(new ChatRequestWriter().Write(back, Terms).Span).ShouldContain(
            "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"schema\":" + Schema + ",\"strict\":true}},\"verbosity\":\"low\"");
    }

    [Fact]
    public void Arguments_keep_the_text_in_which_they_were_written()
    {
        const string Arguments = """{"a" : 1.0, "big": 9007199254740993, "b":"\u00e9"}""";
        var body = new JsonObject
        {
            ["messages"] = new JsonArray(new JsonObject
            {
                ["role"] = "assistant",
                ["tool_calls"] = new JsonArray(new JsonObject
                {
                    ["id"] = "c", ["type"] = "function", ["function"] = new JsonObject { ["name"] = "f", ["arguments"] = Arguments },
                }),
            }),
        };
        var read = new ChatRequestReader().Read(Bytes.Whole(body.ToJsonString())).Value;
        Encoding.UTF8.GetString(new MessageRequestWriter().Write(read, Terms).Span).ShouldContain($"\"input\":{Arguments}");
    }

    private static void Named(Operation from, Operation to, string member, string field)
    {
        var read = Translations.ReaderOf(from).Read(Bytes.Whole("{" + member + "}"));
        var fault = read.Fault ?? Translations.WriterOf(to).Check(read.Value, Terms);
        ShouldName(fault);
        fault!.Details!["field"].ShouldBe(field);
    }

    private static void ShouldName(Fault? fault)
    {
        fault.ShouldNotBeNull();
        fault.Code.ShouldBe("not_translatable");
        fault.Status.ShouldBe(400);
        fault.Details!["field"].ShouldBeOfType<string>().ShouldNotBeEmpty();
    }

    /// <summary>Everything of a conversation but the hints.</summary>
    private static string Show(Conversation conversation) => string.Join('\n', conversation.System.Select(text => $"system {text}")
        .Concat(conversation.Turns.SelectMany(turn => turn.Parts.Select(part => $"{turn.IsAssistant} {Show(part)}")))
        .Concat(conversation.Tools.Select(tool => (tool with { IsStrict = tool.IsStrict ?? false }).ToString()))
        .Append($"{conversation.Format} {conversation.Verbosity}")
        .Append($"{conversation.Choice} {conversation.IsParallel} {conversation.Temperature} {conversation.TopP} {conversation.User} {conversation.Effort}")
        .Concat(conversation.Stop));

    private static string Show(Part part) => part is ResultPart result
        ? $"result {result.CallId} {result.IsError} {string.Join('|', result.Content)}"
        : part.ToString();

    /// <summary>A request of a dialect with all that it has, and now and then something that no other has.</summary>
    private sealed class RandomRequest
    {
        private readonly Random _random;
        private readonly bool _isChat;
        private readonly bool _mayStop;
        private int _mark;

        public RandomRequest(int seed, Operation operation, Operation provider)
        {
            // Responses have no stop sequences, and one refusal of a kind in many is enough.
            _mayStop = provider != Operation.Responses || seed % 8 == 0;
            (_random, _isChat) = (new Random(seed), operation == Operation.ChatCompletions);
            Body["model"] = "x";
            if (Often() && !_isChat)
            {
                Body["system"] = Often() ? Mark() : new JsonArray(Block(), Block());
            }

            Body["messages"] = Messages();
            if (Often())
            {
                Body["tools"] = new JsonArray(Tool(), Tool());
                AddChoice();
            }

            AddNumbers();
            if (_random.Next(8) == 0)
            {
                Body[_isChat ? "seed" : "top_k"] = 3;
            }
        }

        public (JsonObject Body, List<string> Marks) Made => (Body, Marks);

        private JsonObject Body { get; } = [];

        private List<string> Marks { get; } = [];

        private bool Often() => _random.Next(3) > 0;

        private string Mark()
        {
            var mark = string.Create(CultureInfo.InvariantCulture, $"m{_random.Next():x}-{_mark++}");
            Marks.Add(mark);
            return mark;
        }

        private JsonObject Block() => new() { ["type"] = "text", ["text"] = Mark() };

        private JsonArray Messages()
        {
            var messages = new JsonArray();
            if (_isChat && Often())
            {
                messages.Add(new JsonObject { ["role"] = Often() ? "system" : "developer", ["content"] = Often() ? Mark() : new JsonArray(Block(), Block()) });
            }

            messages.Add(new JsonObject { ["role"] = "user", ["content"] = Content() });
            for (var turn = _random.Next(4); turn > 0; turn--)
            {
                var calls = _random.Next(3);
                messages.Add(_isChat ? ChatAssistant(calls) : MessageAssistant(calls));
                if (_isChat)
                {
                    for (var call = 0; call < calls; call++)
                    {
                        messages.Add(new JsonObject { ["role"] = "tool", ["tool_call_id"] = $"call_{call}", ["content"] = Mark() });
                    }

                    messages.Add(new JsonObject { ["role"] = "user", ["content"] = Content() });
                }
                else
                {
                    messages.Add(new JsonObject { ["role"] = "user", ["content"] = Results(calls) });
                }
            }

            return messages;
        }

        private JsonNode Content() => Often() ? Mark() : new JsonArray(Block(), Image());

        private JsonObject Image() => _isChat
            ? new JsonObject
            {
                ["type"] = "image_url",
                ["image_url"] = new JsonObject { ["url"] = Often() ? $"https://{Mark()}" : $"data:image/png;base64,{Mark()}" },
            }
            : new JsonObject
            {
                ["type"] = "image",
                ["source"] = Often()
                    ? new JsonObject { ["type"] = "url", ["url"] = $"https://{Mark()}" }
                    : new JsonObject { ["type"] = "base64", ["media_type"] = "image/png", ["data"] = Mark() },
            };

        private JsonObject ChatAssistant(int calls)
        {
            var message = new JsonObject { ["role"] = "assistant", ["content"] = calls == 0 || Often() ? Mark() : null };
            if (calls > 0)
            {
                message["tool_calls"] = new JsonArray([.. Enumerable.Range(0, calls).Select(call => new JsonObject
                {
                    ["id"] = $"call_{call}",
                    ["type"] = "function",
                    ["function"] = new JsonObject { ["name"] = "f", ["arguments"] = $$"""{"a": "{{Mark()}}"}""" },
                })]);
            }

            if (_random.Next(10) == 0)
            {
                message["name"] = "n";
            }

            return message;
        }

        private JsonObject MessageAssistant(int calls)
        {
            var content = new JsonArray();
            if (_random.Next(10) == 0)
            {
                content.Add(new JsonObject { ["type"] = "thinking", ["thinking"] = Mark(), ["signature"] = "s" });
            }

            if (calls == 0 || Often())
            {
                content.Add(Block());
            }

            for (var call = 0; call < calls; call++)
            {
                content.Add(new JsonObject { ["type"] = "tool_use", ["id"] = $"call_{call}", ["name"] = "f", ["input"] = new JsonObject { ["a"] = Mark() } });
            }

            return new JsonObject { ["role"] = "assistant", ["content"] = content };
        }

        private JsonArray Results(int calls)
        {
            var content = new JsonArray();
            for (var call = 0; call < calls; call++)
            {
                content.Add(new JsonObject { ["type"] = "tool_result", ["tool_use_id"] = $"call_{call}", ["content"] = Often() ? Mark() : new JsonArray(Block()) });
            }

            content.Add(Block());
            return content;
        }

        private JsonObject Tool()
        {
            var schema = new JsonObject { ["type"] = "object", ["properties"] = new JsonObject { [Mark()] = new JsonObject { ["type"] = "string" } } };
            return _isChat
                ? new JsonObject { ["type"] = "function", ["function"] = new JsonObject { ["name"] = Mark(), ["description"] = Mark(), ["parameters"] = schema } }
                : new JsonObject { ["name"] = Mark(), ["description"] = Mark(), ["input_schema"] = schema };
        }

        private void AddChoice()
        {
            if (_isChat)
            {
                Body["tool_choice"] = _random.Next(4) switch
                {
                    0 => "auto",
                    1 => "none",
                    2 => "required",
                    _ => new JsonObject { ["type"] = "function", ["function"] = new JsonObject { ["name"] = Mark() } },
                };
                if (Often())
                {
                    Body["parallel_tool_calls"] = Often();
                }
            }
            else
            {
                Body["tool_choice"] = _random.Next(4) switch
                {
                    0 => new JsonObject { ["type"] = "auto", ["disable_parallel_tool_use"] = Often() },
                    1 => new JsonObject { ["type"] = "none" },
                    2 => new JsonObject { ["type"] = "any" },
                    _ => new JsonObject { ["type"] = "tool", ["name"] = Mark() },
                };
            }
        }

        private void AddNumbers()
        {
            if (Often())
            {
                Body["temperature"] = JsonNode.Parse(Often() ? "0.50" : "1");
                Body["top_p"] = JsonNode.Parse("0.9");
            }

            if (Often() && _mayStop)
            {
                Body[_isChat ? "stop" : "stop_sequences"] = _isChat && Often() ? Mark() : new JsonArray(Mark(), Mark());
            }

            if (Often())
            {
                Body[_isChat ? "user" : "metadata"] = _isChat ? Mark() : new JsonObject { ["user_id"] = Mark() };
            }

            if (!Often())
            {
                Body[_isChat ? "reasoning_effort" : "output_config"] = _isChat ? "low" : new JsonObject { ["effort"] = "medium" };
            }
        }
    }
}
