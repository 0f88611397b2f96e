using System.Buffers;
using Crew.Gateway.Dialects;
using Crew.Gateway.Forwarding;
using Crew.Http;
using Crew.Kernel;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Crew.Gateway.Calls;

/// <summary>The client's body in one piece of pooled memory, wiped when it goes back.</summary>
internal sealed class RequestBody : IDisposable
{
    private const int LargestFirstReserve = 1 << 20;
    private const int MaximumBytes = 32 << 20;

    /// <summary>A body above the limit is read on so far, for clients that look for an answer only when they have sent everything.</summary>
    private const int MaximumDiscardedBytes = 256 << 20;

    private readonly ByteStore _bytes = new();
    private SplicedBody? _lent;
    private bool _isLeft;

    public int Length => _bytes.Length;

    public ReadOnlySequence<byte> Sequence => new(_bytes.Memory);

    public static bool IsJson(string? contentType)
    {
        var type = contentType.AsSpan();
        var end = type.IndexOf(';');
        type = (end < 0 ? type : type[..end]).Trim();
        return type.Equals("application/json", StringComparison.OrdinalIgnoreCase) || type.EndsWith("+json", StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Reads all of it; refuses what the format does not take by its type, and more than 32 MiB.</summary>
    public async ValueTask<Fault?> ReadAsync(HttpRequest request, WireFormat format, CancellationToken cancel)
    {
        if (!format.Takes(request.ContentType))
        {
            return HttpFaults.UnsupportedMediaType;
        }

        if (request.ContentLength is null or > MaximumBytes
            && request.HttpContext.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } server)
        {
            server.MaxRequestBodySize = MaximumDiscardedBytes;
        }

        // The length is the client's claim, so only a part of it is taken on trust.
        _bytes.Reserve((int)Math.Min(request.ContentLength ?? 0, LargestFirstReserve) + 1);
        var reader = request.BodyReader;
        var isTooLarge = request.ContentLength > MaximumBytes;
        while (true)
        {
            var read = await reader.ReadAsync(cancel);
            isTooLarge |= _bytes.Length + read.Buffer.Length > MaximumBytes;
            if (isTooLarge)
            {
                _bytes.Clear();
            }
            else
            {
                foreach (var segment in read.Buffer)
                {
                    _bytes.Append(segment.Span);
                }
            }

            reader.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted || read.IsCanceled)
            {
                return isTooLarge ? HttpFaults.BodyTooLarge : null;
            }
        }
    }

    /// <summary>Notes that this body refers to the memory from now on.</summary>
    public SplicedBody Lend(SplicedBody body)
    {
        _isLeft |= _lent?.IsBeingSent == true;
        return _lent = body;
    }

    /// <summary>
    /// Gives the memory back, unless a connection still reads from it because the provider answered early: another tenant's
    /// request must not be sent in its place.
    /// </summary>
    public void Dispose()
    {
        if (_isLeft || _lent?.IsBeingSent == true)
        {
            _bytes.Leave();
        }

        _bytes.Dispose();
    }
}
