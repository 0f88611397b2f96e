using System.Net;
using System.Net.Sockets;

namespace Crew.Sealing.Egress;

/// <summary>
/// Dials several addresses of one name and keeps the first that answers (RFC 8305): the families take turns, and each address begins
/// when the one before it fails or is slow. So a host whose IPv6 leads nowhere costs a quarter of a second, not a timeout.
/// </summary>
internal sealed class AddressRace(Func<IPEndPoint, CancellationToken, ValueTask<Stream>> dial)
{
    /// <summary>RFC 8305 section 5.</summary>
    private const int AttemptDelayMilliseconds = 250;

    public async ValueTask<Stream> RunAsync(List<IPAddress> addresses, int port, TimeSpan limit, CancellationToken cancel)
    {
        using var race = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        race.CancelAfter(limit);
        var turns = TakeTurns(addresses);
        var running = new List<Task<Stream>>(turns.Count);
        for (var next = 0; ;)
        {
            if (next < turns.Count)
            {
                running.Add(DialOneAsync(new IPEndPoint(turns[next++], port), race.Token));
            }

            var turn = Task.Delay(next < turns.Count ? AttemptDelayMilliseconds : Timeout.Infinite, race.Token);
            if (await Task.WhenAny([.. running, turn]) is not Task<Stream> ended)
            {
                cancel.ThrowIfCancellationRequested();
                if (race.IsCancellationRequested)
                {
                    running.ForEach(DisposeLate);
                    throw new SocketException((int)SocketError.TimedOut);
                }

                continue;
            }

            running.Remove(ended);
            if (ended.IsCompletedSuccessfully || (running.Count == 0 && next == turns.Count))
            {
                await race.CancelAsync();
                running.ForEach(DisposeLate);
                return await ended;
            }
        }
    }

    /// <summary>RFC 8305 section 4, beginning with the family that the resolver put first.</summary>
    internal static List<IPAddress> TakeTurns(List<IPAddress> addresses)
    {
        var first = new Queue<IPAddress>(addresses.Where(a => a.AddressFamily == addresses[0].AddressFamily));
        var second = new Queue<IPAddress>(addresses.Where(a => a.AddressFamily != addresses[0].AddressFamily));
        var turns = new List<IPAddress>(addresses.Count);
        while (first.Count + second.Count > 0)
        {
            turns.Add((first.Count > 0 ? first : second).Dequeue());
            (first, second) = (second, first);
        }

        return turns;
    }

    private static void DisposeLate(Task<Stream> loser) => _ = DisposeLateAsync(loser);

    private static async Task DisposeLateAsync(Task<Stream> loser)
    {
        try
        {
            await (await loser).DisposeAsync();
        }
        catch (Exception lost) when (lost is SocketException or OperationCanceledException or IOException or ObjectDisposedException)
        {
            // It lost the race, which was all that was asked of it.
        }
    }

    private async Task<Stream> DialOneAsync(IPEndPoint place, CancellationToken cancel) => await dial(place, cancel);
}
