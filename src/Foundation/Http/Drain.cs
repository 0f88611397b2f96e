using System.ComponentModel.DataAnnotations;

namespace Crew.Http;

/// <summary>How long an orderly stop takes its time. Zero is allowed for both.</summary>
public sealed record DrainOptions
{
    /// <summary>Between the moment that <c>/health/ready</c> turns 503 and the one that no connection is taken any more, in seconds.</summary>
    [Range(0, 3_600)]
    public required int NoticeSeconds { get; init; }

    /// <summary>How long requests and streams under way may go on after that, in seconds; then they are cut, with the end of their dialect.</summary>
    [Range(0, 3_600)]
    public required int DeadlineSeconds { get; init; }
}

/// <summary>
/// An orderly stop, so that a load balancer loses no request:
/// <code>
///   SIGTERM ─► /health/ready 503, answers carry Connection: close ─ notice ─► no new connections ─ deadline ─► what is left is cut
/// </code>
/// </summary>
public sealed class Drain(DrainOptions options, TimeProvider clock) : IDisposable
{
    /// <summary>After the deadline, for the last words to what is cut, in seconds.</summary>
    public const int FarewellSeconds = 15;

    private readonly CancellationTokenSource _deadline = new();
    private volatile bool _isDraining;

    /// <summary>The server is about to stop: whoever can go elsewhere should.</summary>
    public bool IsDraining => _isDraining;

    /// <summary>Fires when what is still under way must end.</summary>
    public CancellationToken Deadline => _deadline.Token;

    /// <summary>Tells everybody, and returns when the notice is over.</summary>
    public Task GiveNoticeAsync()
    {
        _isDraining = true;
        return Task.Delay(TimeSpan.FromSeconds(options.NoticeSeconds), clock);
    }

    /// <summary>Stops the server within the deadline, and a little for saying goodbye.</summary>
    public async Task StopAsync(Func<CancellationToken, Task> stop)
    {
        await using var deadline = clock.CreateTimer(
            static d => ((CancellationTokenSource)d!).Cancel(), _deadline, TimeSpan.FromSeconds(options.DeadlineSeconds), Timeout.InfiniteTimeSpan);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(options.DeadlineSeconds + FarewellSeconds), clock);
        await stop(limit.Token);
    }

    public void Dispose() => _deadline.Dispose();
}
