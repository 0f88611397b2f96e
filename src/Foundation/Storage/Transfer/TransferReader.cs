using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Crew.Storage;

/// <summary>
/// Reads the frames of a copy (see <see cref="TransferFormat"/>), counts and hashes them. Whatever is not exactly as a writer makes
/// it throws <see cref="TransferDamagedException"/>.
/// </summary>
internal sealed class TransferReader(Stream source) : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly byte[] _frameHeader = new byte[TransferFormat.FrameHeaderBytes];
    private byte[] _buffer = new byte[64 * 1024];
    private int _length;
    private int _next;

    public long Bytes { get; private set; }

    private ReadOnlySpan<byte> Content => _buffer.AsSpan(0, _length);

    public async Task<TransferHeader> HeaderAsync(CancellationToken cancel) =>
        await NextAsync(cancel) == TransferFormat.Header ? Json<TransferHeader>() : throw new TransferDamagedException();

    /// <summary>Reads the next frame and returns its kind.</summary>
    public async Task<byte> NextAsync(CancellationToken cancel)
    {
        await ReadExactlyAsync(_frameHeader, _frameHeader.Length, cancel);
        _length = BinaryPrimitives.ReadInt32LittleEndian(_frameHeader.AsSpan(1));
        if (_length is < 0 or > TransferFormat.MaximumFrameBytes)
        {
            throw new TransferDamagedException();
        }

        if (_buffer.Length < _length)
        {
            _buffer = new byte[_length];
        }

        await ReadExactlyAsync(_buffer, _length, cancel);
        _next = 0;
        Bytes += _frameHeader.Length + _length;
        if (_frameHeader[0] != TransferFormat.End)
        {
            _hash.AppendData(_frameHeader);
            _hash.AppendData(Content);
        }

        return _frameHeader[0];
    }

    public TransferTable Table() => Json<TransferTable>();

    public long Count() => _length == 8 ? BinaryPrimitives.ReadInt64LittleEndian(Content) : throw new TransferDamagedException();

    /// <summary>Reads the values of a row frame.</summary>
    public void Row(Span<object?> values)
    {
        for (var index = 0; index < values.Length; index++)
        {
            values[index] = Value();
        }

        Require(_next == _length);
    }

    /// <summary>Holds the end mark against what was read, and makes sure that nothing follows it.</summary>
    public async Task CheckEndAsync(long tables, long rows, CancellationToken cancel)
    {
        Require(_length == TransferFormat.EndBytes
            && BinaryPrimitives.ReadInt64LittleEndian(Content) == tables
            && BinaryPrimitives.ReadInt64LittleEndian(Content[8..]) == rows
            && Content[16..].SequenceEqual(_hash.GetCurrentHash()));
        Require(await source.ReadAsync(_frameHeader.AsMemory(0, 1), cancel) == 0);
    }

    public void Dispose() => _hash.Dispose();

    private static void Require([DoesNotReturnIf(false)] bool condition)
    {
        if (!condition)
        {
            throw new TransferDamagedException();
        }
    }

    private object? Value()
    {
        switch (Take(1)[0])
        {
            case TransferFormat.Null:
                return null;
            case TransferFormat.Integer:
                return BinaryPrimitives.ReadInt64LittleEndian(Take(8));
            case TransferFormat.Text:
                return Encoding.UTF8.GetString(Take(BinaryPrimitives.ReadInt32LittleEndian(Take(4))));
            case TransferFormat.Blob:
                return Take(BinaryPrimitives.ReadInt32LittleEndian(Take(4))).ToArray();
            case TransferFormat.False:
                return false;
            case TransferFormat.True:
                return true;
            default:
                throw new TransferDamagedException();
        }
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        Require(count >= 0 && count <= _length - _next);
        _next += count;
        return _buffer.AsSpan(_next - count, count);
    }

    private T Json<T>()
    {
        try
        {
            return JsonSerializer.Deserialize<T>(Content) ?? throw new TransferDamagedException();
        }
        catch (JsonException error)
        {
            throw new TransferDamagedException(TransferFaults.Damaged.Message, error);
        }
    }

    private async Task ReadExactlyAsync(byte[] into, int count, CancellationToken cancel)
    {
        if (await source.ReadAtLeastAsync(into.AsMemory(0, count), count, throwOnEndOfStream: false, cancel) < count)
        {
            throw new TransferDamagedException();
        }
    }
}
