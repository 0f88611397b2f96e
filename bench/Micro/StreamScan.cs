using System.Buffers;
using System.Text;
using Crew.Bench.Load;
using Crew.Gateway.Dialects;
using Crew.Gateway.Forwarding;

namespace Crew.Bench.Micro;

/// <summary>Sixty-four chunks of a stream, a token each, through what watches it on its way: a microsecond a token is a million a second.</summary>
internal static class StreamScan
{
    public const int Tokens = 64;

    public static Histogram Chat() => Measure(WireFormats.Chat, "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"m\","
        + "\"choices\":[{\"index\":0,\"delta\":{\"content\":\" word\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n");

    public static Histogram Messages() => Measure(WireFormats.Messages, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
        + "\"delta\":{\"type\":\"text_delta\",\"text\":\" word\"}}\n\n");

    public static Histogram Responses() => Measure(WireFormats.Responses, "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\","
        + "\"item_id\":\"msg_1\",\"output_index\":0,\"content_index\":0,\"delta\":\" word\",\"sequence_number\":7}\n\n");

    private static Histogram Measure(WireFormat format, string chunk)
    {
        var block = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(chunk, Tokens)));
        var asked = format.Read(new ReadOnlySequence<byte>("""{"model":"m","max_tokens":9,"stream":true}"""u8.ToArray())).Value;
        return MicroBench.Measure(_ =>
        {
            var scanner = new SseScanner(format.ReadEvents(asked), new CredentialEcho("sk-a-credential-of-the-usual-length-0123456789"));
            var output = new ArrayBufferWriter<byte>(block.Length * 2);
            return () =>
            {
                scanner.Push(block, output);
                output.ResetWrittenCount();
            };
        }, callsPerThread: 50_000);
    }
}
