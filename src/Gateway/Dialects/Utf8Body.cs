using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace Crew.Gateway.Dialects;

/// <summary>Checks the encoding of a body. The JSON reader looks at structure only and lets broken UTF-8 pass inside strings.</summary>
internal static class Utf8Body
{
    private const int MaxSequenceBytes = 4;

    public static bool BeginsWithByteOrderMark(ReadOnlySequence<byte> body)
    {
        Span<byte> head = stackalloc byte[3];
        if (body.Length < head.Length)
        {
            return false;
        }

        body.Slice(0, head.Length).CopyTo(head);
        return head.SequenceEqual("\uFEFF"u8);
    }

    /// <summary>The offset of the first byte that is not UTF-8, or null.</summary>
    public static long? FirstInvalid(ReadOnlySequence<byte> body)
    {
        if (body.IsSingleSegment)
        {
            return FirstInvalid(body.FirstSpan) is var at and >= 0 ? at : null;
        }

        // A character may be cut by the border of two segments; its bytes are gathered in `joint`.
        Span<byte> joint = stackalloc byte[MaxSequenceBytes];
        var (pending, offset) = (0, 0L);
        foreach (var segment in body)
        {
            var span = segment.Span;
            while (pending > 0 && !span.IsEmpty)
            {
                joint[pending++] = span[0];
                span = span[1..];
                offset++;
                switch (Rune.DecodeFromUtf8(joint[..pending], out _, out _))
                {
                    case OperationStatus.Done:
                        pending = 0;
                        break;
                    case OperationStatus.InvalidData:
                        return offset - pending;
                }
            }

            var whole = span.Length - CutTail(span);
            if (FirstInvalid(span[..whole]) is var at and >= 0)
            {
                return offset + at;
            }

            if (pending == 0)
            {
                span[whole..].CopyTo(joint);
                pending = span.Length - whole;
            }

            offset += span.Length;
        }

        return pending > 0 ? offset - pending : null;
    }

    private static int FirstInvalid(ReadOnlySpan<byte> span)
    {
        if (Utf8.IsValid(span))
        {
            return -1;
        }

        var at = 0;
        while (Rune.DecodeFromUtf8(span[at..], out _, out var used) == OperationStatus.Done)
        {
            at += used;
        }

        return at;
    }

    /// <summary>How many bytes at the end begin a character that the segment does not finish.</summary>
    private static int CutTail(ReadOnlySpan<byte> span)
    {
        for (var length = 1; length < MaxSequenceBytes && length <= span.Length; length++)
        {
            if ((span[^length] & 0xC0) != 0x80)
            {
                return Rune.DecodeFromUtf8(span[^length..], out _, out _) == OperationStatus.NeedMoreData ? length : 0;
            }
        }

        return 0;
    }
}
