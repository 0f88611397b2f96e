namespace Crew.Bench.Load;

/// <summary>Takes the framing off a chunked body (RFC 9112, section 7.1), however the bytes arrive.</summary>
internal struct ChunkedBody
{
    private enum At
    {
        Size,
        Extension,
        Data,
        AfterData,
        Trailer,
    }

    private At _at;
    private long _left;
    private int _lineLength;
    private bool _last;

    /// <summary>Consumes from the input up to the end of the next stretch of payload; done after the last chunk's trailer.</summary>
    public int Take(ReadOnlySpan<byte> input, out ReadOnlySpan<byte> payload, out bool done)
    {
        payload = default;
        done = false;
        var used = 0;
        while (used < input.Length)
        {
            if (_at == At.Data)
            {
                var take = (int)Math.Min(_left, input.Length - used);
                payload = input.Slice(used, take);
                _left -= take;
                _at = _left == 0 ? At.AfterData : At.Data;
                return used + take;
            }

            if (Step(input[used++]))
            {
                done = true;
                return used;
            }
        }

        return used;
    }

    /// <summary>One byte of framing; true at the end of the body.</summary>
    private bool Step(byte next)
    {
        switch (_at)
        {
            case At.Size when next == '\n':
            case At.Extension when next == '\n':
                _last = _left == 0;
                (_at, _lineLength) = (_last ? At.Trailer : At.Data, 0);
                return false;
            case At.Size when Uri.IsHexDigit((char)next):
                _left = (_left << 4) + Digit(next);
                return false;
            case At.Size when next == ';':
                _at = At.Extension;
                return false;
            case At.AfterData when next == '\n':
                _at = At.Size;
                return false;
            case At.Trailer when next == '\n':
                var ended = _lineLength == 0;
                _lineLength = 0;
                return ended;
            case At.Trailer when next != '\r':
                _lineLength++;
                return false;
            default:
                return false;
        }
    }

    private static int Digit(byte hex) => hex <= '9' ? hex - '0' : (hex | 0x20) - 'a' + 10;
}
