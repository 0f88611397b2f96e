using System.Buffers;

namespace Crew.Gateway.Forwarding;

/// <summary>A growing run of bytes on pooled memory. It holds content, so what is given back to the pool is wiped.</summary>
internal sealed class ByteStore : IDisposable
{
    private const int LeastBytes = 4096;

    private byte[] _bytes = [];

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Span => _bytes.AsSpan(0, Length);

    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (Length + bytes.Length > _bytes.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(LeastBytes, Math.Max(Length + bytes.Length, _bytes.Length * 2)));
            Span.CopyTo(larger);
            GiveBack();
            _bytes = larger;
        }

        bytes.CopyTo(_bytes.AsSpan(Length));
        Length += bytes.Length;
    }

    /// <summary>Drops everything before <paramref name="start"/>.</summary>
    public void KeepFrom(int start)
    {
        _bytes.AsSpan(start, Length - start).CopyTo(_bytes);
        Length -= start;
    }

    public void Clear() => Length = 0;

    public void Dispose()
    {
        GiveBack();
        (_bytes, Length) = ([], 0);
    }

    private void GiveBack()
    {
        if (_bytes.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_bytes, clearArray: true);
        }
    }
}
