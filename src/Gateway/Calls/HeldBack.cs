using Crew.Gateway.Forwarding;

namespace Crew.Gateway.Calls;

/// <summary>
/// The beginning of a stream that the client does not see yet. Role, ping and metadata frames wait for the first content: as long as the
/// client has seen nothing, another target can begin anew where this one fails.
/// </summary>
internal sealed class HeldBack(AnswerStream upstream, SseScanner scanner, TimeProvider clock) : IDisposable
{
    /// <summary>Beyond so much, or so long, the client gets what there is.</summary>
    private const int MostBytes = 65_536;
    private const int MostSeconds = 15;

    private readonly ByteStore _bytes = new();

    public ReadOnlySpan<byte> Bytes => _bytes.Span;

    /// <summary>The answer failed before any content.</summary>
    public bool HasFailed { get; private set; }

    /// <summary>Reads until content, failure, or the end of patience.</summary>
    /// <param name="cut">Ends when the client's side does.</param>
    /// <returns>How the answer has ended already; null while it goes on.</returns>
    public async Task<RelayEnd?> RunAsync(Task<RelayEnd> cut)
    {
        using var late = new CancellationTokenSource();
        var patience = Task.Delay(TimeSpan.FromSeconds(MostSeconds), clock, late.Token);
        try
        {
            while (!scanner.SawContent && _bytes.Length < MostBytes)
            {
                upstream.Start();
                var first = await Task.WhenAny(upstream.Pending!, cut, patience);
                if (first == patience || first == cut)
                {
                    return first == cut ? await cut : null;
                }

                var (count, failed) = await upstream.ReadAsync();
                var end = failed ?? (count == 0 || upstream.Take(count, _bytes) ? upstream.HowItEnded() : (RelayEnd?)null);
                HasFailed = !scanner.SawContent && (end is RelayEnd.Broken or RelayEnd.TimedOut || scanner.SawError || scanner.SawLongError);
                if (HasFailed || end is not null)
                {
                    return end;
                }
            }

            return null;
        }
        finally
        {
            await late.CancelAsync();
        }
    }

    public void Dispose() => _bytes.Dispose();
}
