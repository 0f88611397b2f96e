namespace Crew.Storage;

/// <summary>
/// How long a starting server waits for a database that does not answer, or not in time, as when many servers start at once or the machine
/// comes up as a whole. Only what has not begun yet is begun again, and only what reads is done again, so nothing is done twice.
/// </summary>
public sealed class StartWait(TimeProvider clock)
{
    private const int PauseMilliseconds = 250;

    private TimeSpan _limit;
    private Action? _say;
    private volatile bool _isOn;

    /// <summary>Whether this process is starting.</summary>
    internal bool IsOn => _isOn;

    /// <summary>From here until the end is disposed, each step waits this long for its first answer.</summary>
    /// <param name="limit">The longest wait for one answer; zero asks once.</param>
    /// <param name="say">Tells a person, once, that the server waits.</param>
    public IDisposable Begin(TimeSpan limit, Action say)
    {
        (_limit, _say, _isOn) = (limit, say, limit > TimeSpan.Zero);
        return new End(this);
    }

    /// <exception cref="StorageUnavailableException">There was no answer in time.</exception>
    internal async Task<T> RunAsync<T>(Func<Task<T>> step, CancellationToken cancel)
    {
        if (!_isOn)
        {
            return await step();
        }

        var began = clock.GetTimestamp();
        while (true)
        {
            try
            {
                return await step();
            }
            catch (Exception error) when (error is StorageUnavailableException { InnerException: null } || PostgresErrors.IsUnavailable(error))
            {
                if (!_isOn || clock.GetElapsedTime(began) >= _limit)
                {
                    throw error as StorageUnavailableException ?? new StorageUnavailableException("PostgreSQL does not answer.", error);
                }

                Interlocked.Exchange(ref _say, null)?.Invoke();
            }

            await Task.Delay(TimeSpan.FromMilliseconds(PauseMilliseconds), clock, cancel);
        }
    }

    private sealed class End(StartWait wait) : IDisposable
    {
        public void Dispose() => wait._isOn = false;
    }
}
