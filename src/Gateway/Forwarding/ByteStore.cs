using System.Buffers;

namespace Crew.Gateway.Forwarding;

/// <summary>A growing run of bytes on pooled memory. It holds content, so what is given back to the pool is wiped.</summary>
internal sealed class ByteStore : IBufferWriter<byte>, IDisposable
{
    private const int LeastBytes = 4096;

    private byte[] _bytes = [];

    public int Length { get; private set; }

    /// <summary>Bytes of memory that it takes.</summary>
    public int Capacity => _bytes.Length;

    public ReadOnlySpan<byte> Span => _bytes.AsSpan(0, Length);

    public ReadOnlyMemory<byte> Memory => _bytes.AsMemory(0, Length);

    public void Append(ReadOnlySpan<byte> bytes)
    {
        Reserve(bytes.Length);
        bytes.CopyTo(_bytes.AsSpan(Length));
        Length += bytes.Length;
    }

    public void Advance(int count) => Length += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(Math.Max(sizeHint, 1));
        return _bytes.AsMemory(Length);
    }

    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    /// <summary>Makes room for so many bytes more.</summary>
    public void Reserve(int bytes)
    {
        if (Length + bytes > _bytes.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(LeastBytes, Math.Max(Length + bytes, _bytes.Length * 2)));
            Span.CopyTo(larger);
            GiveBack();
            _bytes = larger;
        }
    }

    /// <summary>Lets the memory go without giving it back to the pool: something else may still be reading it.</summary>
    public void Leave() => (_bytes, Length) = ([], 0);

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
