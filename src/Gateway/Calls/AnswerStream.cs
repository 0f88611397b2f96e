using System.Buffers;
using Crew.Gateway.Forwarding;

namespace Crew.Gateway.Calls;

/// <summary>
/// The provider's side of a streamed answer: one read at a time into the scanner, under the limits of the attempt. While nothing is there to be
/// read no buffer is kept, so that a silent stream costs little.
/// </summary>
internal sealed class AnswerStream(PhysicalAttempt attempt, HttpResponseMessage answer, SseScanner scanner) : IDisposable
{
    private const int ReadBytes = 16_384;

    /// <summary>Where reads are larger than this, more comes so fast that waiting without a buffer would only cost time.</summary>
    private const int SmallReadBytes = 2_048;

    private byte[]? _buffer;
    private int _used;
    private int _lastRead;
    private Stream _stream = Stream.Null;

    /// <summary>The read that is under way.</summary>
    public Task<int>? Pending { get; private set; }

    public async Task OpenAsync() => _stream = await answer.Content.ReadAsStreamAsync(CancellationToken.None);

    /// <summary>Begins the next read, unless one is under way.</summary>
    public void Start() => Pending ??= StartRead();

    /// <summary>The read that is under way, or the next one.</summary>
    public async ValueTask<(int Count, RelayEnd? Failed)> ReadAsync()
    {
        try
        {
            var count = await (Pending ?? StartRead());
            Pending = null;
            attempt.NoteBytes();
            return (count, null);
        }
        catch (OperationCanceledException)
        {
            return (0, attempt.WasBrokenOff ? RelayEnd.Broken : RelayEnd.TimedOut);
        }
        catch (Exception broken) when (broken is HttpRequestException or IOException)
        {
            return (0, RelayEnd.Broken);
        }
    }

    private async Task<int> StartRead()
    {
        attempt.ArmIdle();

        if (_lastRead < SmallReadBytes)
        {
            // A read of nothing ends when there is something to be read, or the end.
            var ready = _stream.ReadAsync(Memory<byte>.Empty, attempt.Limits);
            if (!ready.IsCompletedSuccessfully)
            {
                GiveBack();
            }

            await ready;
        }

        _buffer ??= ArrayPool<byte>.Shared.Rent(ReadBytes);
        _lastRead = await _stream.ReadAsync(_buffer.AsMemory(0, ReadBytes), attempt.Limits);
        _used = Math.Max(_used, _lastRead);
        return _lastRead;
    }

    /// <summary>Whether the answer has ended with these bytes.</summary>
    public bool Take(int count, IBufferWriter<byte> output)
    {
        scanner.Push(_buffer.AsSpan(0, count), output);
        return scanner.IsDone || scanner.SawLongError || scanner.IsUntranslatable;
    }

    /// <summary>Some providers leave the closing mark out; where no choice has finished either, the answer was broken off.</summary>
    public RelayEnd HowItEnded()
    {
        scanner.Complete();
        var isWhole = scanner.IsDone || scanner.SawError || scanner.FinishReason is not null;
        return isWhole && !scanner.IsUntranslatable ? RelayEnd.Complete : RelayEnd.Broken;
    }

    /// <summary>A read that was broken off must have ended before its buffer goes back.</summary>
    public async Task StopAsync()
    {
        if (Pending is not null)
        {
            await ReadAsync();
        }
    }

    public void Dispose()
    {
        if (Pending is null or { IsCompleted: true })
        {
            GiveBack();
        }
    }

    /// <summary>It held content, so what was used of it is wiped.</summary>
    private void GiveBack()
    {
        if (_buffer is { } buffer)
        {
            buffer.AsSpan(0, _used).Clear();
            (_buffer, _used) = (null, 0);
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
