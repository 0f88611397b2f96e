using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Crew.Storage;

/// <summary>Writes the frames of a copy (see <see cref="TransferFormat"/>) in bounded memory: a buffer and the row at hand.</summary>
internal sealed class TransferWriter(Stream target) : IDisposable
{
    private const int FlushBytes = 128 * 1024;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly Dictionary<string, long> _rows = new(StringComparer.Ordinal);
    private byte[] _buffer = new byte[FlushBytes * 2];
    private int _length;
    private int _frame;
    private string _table = "";

    public IReadOnlyDictionary<string, long> Rows => _rows;

    public long Bytes { get; private set; }

    public void Header(TransferHeader header) => Json(TransferFormat.Header, header);

    public void BeginTable(TransferTable table)
    {
        Json(TransferFormat.Table, table);
        _rows.Add(_table = table.Name, 0);
    }

    public void BeginRow()
    {
        BeginFrame(TransferFormat.Row);
        _rows[_table]++;
    }

    public void Value(object? value)
    {
        switch (value)
        {
            case null or DBNull:
                Take(1)[0] = TransferFormat.Null;
                break;
            case long or int or short:
                var number = Take(9);
                number[0] = TransferFormat.Integer;
                BinaryPrimitives.WriteInt64LittleEndian(number[1..], Convert.ToInt64(value, System.Globalization.CultureInfo.InvariantCulture));
                break;
            case string text:
                Long(TransferFormat.Text, Encoding.UTF8.GetByteCount(text), text, static (from, to) => Encoding.UTF8.GetBytes(from, to));
                break;
            case byte[] blob:
                Long(TransferFormat.Blob, blob.Length, blob, static (from, to) => from.CopyTo(to));
                break;
            case bool flag:
                Take(1)[0] = flag ? TransferFormat.True : TransferFormat.False;
                break;
            default:
                throw new NotSupportedException($"A value of {_table} is a {value.GetType().Name}, which a backup does not know.");
        }
    }

    /// <summary>Ends the row; gives the bytes on when enough have gathered.</summary>
    public ValueTask EndRowAsync(CancellationToken cancel)
    {
        EndFrame();
        return _length < FlushBytes ? ValueTask.CompletedTask : FlushAsync(cancel);
    }

    public void EndTable()
    {
        BeginFrame(TransferFormat.TableEnd);
        BinaryPrimitives.WriteInt64LittleEndian(Take(8), _rows[_table]);
        EndFrame();
    }

    /// <summary>Writes the end mark. Nothing can be written afterwards.</summary>
    public async Task CompleteAsync(CancellationToken cancel)
    {
        await FlushAsync(cancel);
        BeginFrame(TransferFormat.End);
        var end = Take(TransferFormat.EndBytes);
        BinaryPrimitives.WriteInt64LittleEndian(end, _rows.Count);
        BinaryPrimitives.WriteInt64LittleEndian(end[8..], _rows.Values.Sum());
        _hash.GetCurrentHash(end[16..]);
        EndFrame();
        await FlushAsync(cancel);
    }

    public void Dispose() => _hash.Dispose();

    private async ValueTask FlushAsync(CancellationToken cancel)
    {
        _hash.AppendData(_buffer, 0, _length);
        await target.WriteAsync(_buffer.AsMemory(0, _length), cancel);
        Bytes += _length;
        _length = 0;
        if (_buffer.Length > FlushBytes * 16)
        {
            _buffer = new byte[FlushBytes * 2];
        }
    }

    private void Json<T>(byte kind, T content)
    {
        var bytes = JsonSerializer.SerializeToUtf8Bytes(content);
        BeginFrame(kind);
        bytes.CopyTo(Take(bytes.Length));
        EndFrame();
    }

    private void BeginFrame(byte kind)
    {
        _frame = _length;
        Take(TransferFormat.FrameHeaderBytes)[0] = kind;
    }

    private void EndFrame()
    {
        var length = _length - _frame - TransferFormat.FrameHeaderBytes;
        if (length > TransferFormat.MaximumFrameBytes)
        {
            throw new NotSupportedException($"A row of {_table} is longer than {TransferFormat.MaximumFrameBytes} bytes.");
        }

        BinaryPrimitives.WriteInt32LittleEndian(_buffer.AsSpan(_frame + 1), length);
    }

    private void Long<T>(byte tag, int length, T value, Action<T, Span<byte>> write)
    {
        var bytes = Take(5 + length);
        bytes[0] = tag;
        BinaryPrimitives.WriteInt32LittleEndian(bytes[1..], length);
        write(value, bytes[5..]);
    }

    private Span<byte> Take(int count)
    {
        if (_buffer.Length - _length < count)
        {
            Array.Resize(ref _buffer, checked(Math.Max(_buffer.Length * 2, _length + count)));
        }

        _length += count;
        return _buffer.AsSpan(_length - count, count);
    }
}
